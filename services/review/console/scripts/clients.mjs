// Writes the typed clients from the committed API contracts of the services that the console speaks to.
import { readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";

const CONTRACTS = new URL("../../../../shared/contracts/openapi/", import.meta.url);
const CLIENTS = new URL("../src/api/", import.meta.url);
const NAMES = { review: "schema", router: "router", audit: "audit", feedback: "feedback" };

for (const [service, name] of Object.entries(NAMES)) {
  const contract = JSON.parse(readFileSync(new URL(`${service}.json`, CONTRACTS), "utf8"));
  const types = await openapiTS(contract, { rootTypes: true, rootTypesNoSchemaPrefix: true });
  writeFileSync(new URL(`${name}.d.ts`, CLIENTS), astToString(types));
}
