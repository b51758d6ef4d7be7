import "./styles/mantine.css";
import "./styles/tokens.css";
import "./styles/base.css";

import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./app/App";
import { Boundary } from "./app/Boundary";
import { createQueryClient } from "./app/queryClient";
import { theme } from "./app/theme";
import { LedgerProvider } from "./ledger/LedgerProvider";

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no element with the id root");

createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" withCssVariables={false} withGlobalClasses={false}>
      <QueryClientProvider client={createQueryClient()}>
        <LedgerProvider>
          <Boundary at="">
            <App />
          </Boundary>
        </LedgerProvider>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
