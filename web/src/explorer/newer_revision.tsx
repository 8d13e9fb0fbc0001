import { useEffect, useState } from "react";

import { type Pointer, pointerOf } from "../client/dataset";
import { hrefOf } from "../base/route";
import { Button, Notice } from "../widgets/controls";
import { useSession } from "./session";
import { packed } from "./view_link";

const pollEvery = 5_000;

/** Tells that the dataset has another revision by now, and goes on there with the same view. */
export function NewerRevision({ pointer }: { pointer: Pointer }) {
  const { session, store } = useSession();
  const [current, setCurrent] = useState(store.schema.revision);
  const [seen, setSeen] = useState(store.schema.revision);
  useEffect(() => {
    let ended = false;
    const look = () => {
      if (document.hidden) return;
      // What can't be asked now is asked the next time.
      pointerOf(pointer.dataset).then(({ revision }) => { if (!ended) setCurrent(revision); },
        () => undefined);
    };
    look();
    const timer = setInterval(look, pollEvery);
    return () => {
      ended = true;
      clearInterval(timer);
    };
  }, [pointer.dataset]);
  if (current === seen) return null;
  const open = async () => {
    location.hash = hrefOf(["explore", pointer.name], { view: await packed(session.view()) });
  };
  return <Notice kind="info">This dataset has a newer revision.{" "}
    <Button kind="quiet" onClick={() => void open()}>Go on there</Button>
    <Button kind="quiet" onClick={() => setSeen(current)}>Stay</Button></Notice>;
}
