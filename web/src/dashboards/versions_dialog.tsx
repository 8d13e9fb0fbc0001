import { useState } from "react";

import { useAsked } from "../base/asked";
import { time } from "../base/dates";
import { type DashboardRecord, type Definition, versionOf, versionsOf } from "../client/dashboards";
import { Shown } from "../portal/states";
import { Button, Dialog, Notice } from "../widgets/controls";

/** What the dashboard was; one of them can be taken up and saved anew. */
export function VersionsDialog({ record, onTake, onClose }: {
  record: DashboardRecord; onTake: (definition: Definition) => void; onClose: () => void;
}) {
  const versions = useAsked(() => versionsOf(record.id), [record.id]);
  const [problem, setProblem] = useState("");
  return <Dialog title="Versions" onClose={onClose}><div className="stack">
    {problem && <Notice kind="error">{problem}</Notice>}
    <Shown asked={versions}>{(list) => <ul className="plain-list versions">{list.map(({ version, author, saved }) =>
      <li key={version}><span>{version}</span><span>{author}</span><time dateTime={saved}>{time(saved)}</time>
        {version === record.version ? <span className="note">the current one</span>
          : <Button kind="quiet" onClick={() => versionOf(record.id, version).then(onTake, (failure: Error) =>
            setProblem(failure.message))}>Take up</Button>}</li>)}</ul>}</Shown></div></Dialog>;
}
