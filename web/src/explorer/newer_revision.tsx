import { useEffect, useState } from "react";

import { isLookedAt } from "../base/attention";
import { type Pointer, pointerOf } from "../client/dataset";
import { count } from "../base/numbers";
import { hrefOf } from "../base/route";
import { Button, Notice } from "../widgets/controls";
import { useSession } from "./session";
import { packed } from "./view_link";

const pollEvery = 5_000;
/** Kept by the tab: the datasets whose new revisions are shown as they come. */
const followKey = "followed dataset";

/** Tells that the dataset has another revision by now, and goes on there with the same view: when
 *  the reader says so, or by itself while they follow the dataset. */
export function NewerRevision({ pointer, onSame }: {
  pointer: Pointer; /** The address is this one already. */ onSame: () => void;
}) {
  const { session, store } = useSession();
  const [current, setCurrent] = useState(store.schema.revision);
  const [seen, setSeen] = useState(store.schema.revision);
  const [follows, setFollows] = useState(sessionStorage.getItem(followKey) === pointer.dataset);
  useEffect(() => {
    let ended = false;
    const look = () => {
      if (!isLookedAt()) return;
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
  const isNews = current !== seen;
  const open = async () => {
    const before = location.hash;
    location.hash = hrefOf(["explore", pointer.name], { view: await packed(session.view()) });
    if (location.hash === before) onSame();
  };
  const follow = (wanted: boolean) => {
    if (wanted) sessionStorage.setItem(followKey, pointer.dataset);
    else sessionStorage.removeItem(followKey);
    setFollows(wanted);
  };
  useEffect(() => { if (isNews && follows) void open(); }, [isNews, follows]);
  if (follows) return <Notice kind="info">New revisions are shown as they come; this one has{" "}
    {count(store.cells)} cells.{" "}
    <Button kind="quiet" onClick={() => follow(false)}>Stop following</Button></Notice>;
  if (!isNews) return null;
  return <Notice kind="info">This dataset has a newer revision.{" "}
    <Button kind="quiet" onClick={() => void open()}>Go on there</Button>
    <Button kind="quiet" onClick={() => follow(true)}>Follow</Button>
    <Button kind="quiet" onClick={() => setSeen(current)}>Stay</Button></Notice>;
}
