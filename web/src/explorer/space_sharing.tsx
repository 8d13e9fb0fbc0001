import { useEffect, useState } from "react";

import { type SpaceGrant, listGrants, type Space, shareSpace, unshareSpace } from "../client/labels";
import { Button, Choice, IconButton, Notice } from "../widgets/controls";

/** With whom the labels and gene sets of a space are shared; its owner says so. */
export function SpaceSharing({ space }: { space: Space }) {
  const [grants, setGrants] = useState<SpaceGrant[]>([]);
  const [name, setName] = useState("");
  const [access, setAccess] = useState<SpaceGrant["access"]>("read");
  const [problem, setProblem] = useState("");
  const attempt = (work: Promise<void>) => {
    setProblem("");
    void work.catch((failure: Error) => setProblem(failure.message));
  };
  const read = async () => setGrants(await listGrants(space.id));
  useEffect(() => attempt(read()), [space.id]);
  const add = async () => {
    await shareSpace(space.id, name.trim(), access);
    setName("");
    await read();
  };
  return <div className="space-sharing">
    <form className="new-column" onSubmit={(event) => { event.preventDefault(); attempt(add()); }}>
      <input aria-label="Whom to share with" placeholder="name of a person" value={name}
        onChange={(event) => setName(event.target.value)} />
      <Choice label="What they may do" hidden value={access} onChange={setAccess}
        options={[{ value: "read", text: "reads" }, { value: "write", text: "labels too" }]} />
      <Button type="submit" disabled={name.trim() === ""}>Share</Button>
    </form>
    {problem && <Notice kind="error">{problem}</Notice>}
    <ul>{grants.map((grant) => <li key={grant.principal} className="row-head">
      <span className="row-name">{grant.name ?? grant.principal}</span>
      <small>{grant.access === "write" ? "labels too" : "reads"}</small>
      <IconButton icon="close" label={`Stop sharing with ${grant.name ?? grant.principal}`}
        onClick={() => attempt(unshareSpace(space.id, grant.principal).then(read))} />
    </li>)}</ul>
  </div>;
}
