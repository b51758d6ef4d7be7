import type { Me } from "../api/schema";
import { Coming, Nothing, Page, Trouble } from "../ui/Page";
import { InForce } from "./InForce";
import { Proposals } from "./Proposals";
import { RaiseBands } from "./RaiseBands";
import { Stopped } from "./Stopped";
import { StopSwitch } from "./StopSwitch";
import { useControls } from "./useControls";
import { switches } from "../session/roles";
import { isStopped } from "./scope";

/** The switches over automation: stop it at once, let it go on with two people, sign what evidence proposes. */
export default function ControlsPage({ me }: { me: Me }) {
  const controls = useControls();
  const stops = controls.data?.items.filter(isStopped) ?? [];
  return (
    <Page
      title="Controls"
      lead="One person stops automation at once. Letting it go on, or letting it do more, takes two."
    >
      <Trouble error={controls.error} />
      <Coming when={controls.isPending} />
      {controls.data && <Stopped me={me} stops={stops} requests={controls.data.release_requests} />}
      {/* What holds may be unknown; whoever must stop automation now can all the same. */}
      {!controls.isPending &&
        (switches(me) ? (
          <StopSwitch me={me} stops={stops} />
        ) : (
          <Nothing>Operators, leads and administrators can stop automation; you see what they did.</Nothing>
        ))}
      {controls.data && (
        <>
          <Proposals me={me} />
          {switches(me) && <RaiseBands me={me} />}
          <InForce me={me} controls={controls.data.items} />
        </>
      )}
    </Page>
  );
}
