import type { Me } from "../api/schema";
import { Page } from "../ui/Page";
import { AccessLog } from "./AccessLog";
import { ExportCard } from "./ExportCard";
import { SearchCard } from "./SearchCard";
import { VerifyCard } from "./VerifyCard";

/** For those who must be able to say what happened, and that nobody changed it afterwards. */
export default function AuditPage({ me }: { me: Me }) {
  return (
    <Page
      title="The record"
      lead="Every event is one entry of a log that shows tampering. What you read here goes on the record, too."
    >
      <VerifyCard />
      <SearchCard />
      <AccessLog />
      <ExportCard me={me} />
    </Page>
  );
}
