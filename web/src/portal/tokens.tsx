import { useState } from "react";

import { useAsked } from "../base/asked";
import { date, time } from "../base/dates";
import { createToken, listTokens, revokeToken } from "../client/admin";
import { Button, Choice, Field, Notice } from "../widgets/controls";
import { Badge, Shown } from "./states";

const lives = [{ value: "30", text: "30 days" }, { value: "365", text: "a year" },
  { value: "0", text: "for ever" }] as const;

/** A principal's access tokens; a new one's secret is shown once. */
export function Tokens({ principal }: { principal: string }) {
  const asked = useAsked(() => listTokens(principal), [principal]);
  const [label, setLabel] = useState("");
  const [days, setDays] = useState<(typeof lives)[number]["value"]>("30");
  const [secret, setSecret] = useState("");
  const [problem, setProblem] = useState("");
  const run = (work: Promise<unknown>) => {
    setProblem("");
    work.then(asked.again, (failure: Error) => setProblem(failure.message));
  };
  const make = () => run(createToken(principal, label, Number(days)).then((made) => {
    setSecret(made.secret);
    setLabel("");
  }));
  return <>
    <form className="inline-form" onSubmit={(event) => { event.preventDefault(); make(); }}>
      <Field label="For">{(id) => <input id={id} required value={label} placeholder="notebook, pipeline …"
        onChange={(event) => setLabel(event.target.value)} />}</Field>
      <Choice label="Good for" value={days} options={lives} onChange={setDays} />
      <Button kind="main" type="submit">Create token</Button></form>
    {secret && <Notice kind="info">Copy it now, it is not shown again: <code className="hash">{secret}</code></Notice>}
    {problem && <Notice kind="error">{problem}</Notice>}
    <Shown asked={asked}>{(tokens) => tokens.length === 0 ? <p className="empty">There is no token.</p>
      : <div className="table-box" tabIndex={0} role="region" aria-label="Access tokens"><table aria-label="Access tokens"><thead><tr><th scope="col">For</th>
        <th scope="col">Scopes</th><th scope="col">Created</th><th scope="col">Expires</th>
        <th scope="col">Last used</th><th scope="col"><span className="visually-hidden">Actions</span></th></tr></thead>
        <tbody>{tokens.map((token) => <tr key={token.id}><td>{token.label || "–"}{" "}
          {token.revoked && <Badge kind="error">revoked</Badge>}</td>
          <td>{token.scopes.join(", ") || "all"}</td><td>{date(token.created)}</td>
          <td>{token.expires ? date(token.expires) : "never"}</td><td>{time(token.used)}</td>
          <td>{!token.revoked && <Button kind="quiet" aria-label={`Revoke ${token.label}`}
            onClick={() => run(revokeToken(token.id))}>Revoke</Button>}</td></tr>)}</tbody></table></div>}</Shown>
  </>;
}
