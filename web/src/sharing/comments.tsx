import { type FormEvent, useState } from "react";

import { useAsked } from "../base/asked";
import { time } from "../base/dates";
import { isSignedIn } from "../client/account";
import { addComment, type Comment, type Commented, readComments, removeComment } from
  "../client/comments";
import { Button, Notice } from "../widgets/controls";

/** What readers say of a dataset or of a view; whoever may, says something. */
export function Comments({ on }: { on: Commented }) {
  const asked = useAsked((signal) => readComments(on, signal), [on.dataset, on.view]);
  if (asked.state === "waiting") return <p className="note" role="status">Reading …</p>;
  if (asked.state === "refused") return <Notice kind="error">{asked.problem.message}</Notice>;
  const { comments, may_comment: may } = asked.value;
  return <div className="comments">
    {comments.length === 0 && <p className="note">Nobody has said anything yet.</p>}
    {comments.length > 0 && <ul aria-label="Comments">{comments.map((one) =>
      <One key={one.id} one={one} on={on} onChange={asked.again} />)}</ul>}
    {may && <NewComment on={on} onChange={asked.again} />}
  </div>;
}

function One({ one, on, onChange }: { one: Comment; on: Commented; onChange: () => void }) {
  const [problem, setProblem] = useState("");
  const name = one.name || "A guest";
  const remove = () => removeComment(on, one.id).then(onChange,
    (failure: Error) => setProblem(failure.message));
  return <li><p className="sub"><strong>{name}</strong>{one.by_link && " (by a link)"}{" "}
    <time dateTime={one.created}>{time(one.created)}</time>
    {one.may_remove && <Button kind="quiet" aria-label={`Remove the comment of ${name}`}
      onClick={() => void remove()}>Remove</Button>}</p>
    <p className="prose">{one.text}</p>
    {problem && <Notice kind="error">{problem}</Notice>}</li>;
}

function NewComment({ on, onChange }: { on: Commented; onChange: () => void }) {
  const [text, setText] = useState("");
  const [name, setName] = useState("");
  const [problem, setProblem] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    addComment(on, text.trim(), name.trim()).then(() => {
      setText("");
      setProblem("");
      onChange();
    }, (failure: Error) => setProblem(failure.message));
  };
  return <form className="new-comment" onSubmit={submit}>
    {!isSignedIn() && <input aria-label="Your name" placeholder="your name" value={name}
      maxLength={100} onChange={(event) => setName(event.target.value)} />}
    <textarea aria-label="Your comment" rows={3} value={text} maxLength={5000}
      onChange={(event) => setText(event.target.value)} />
    <Button type="submit" disabled={!text.trim()}>Comment</Button>
    {problem && <Notice kind="error">{problem}</Notice>}</form>;
}
