import { useCallback, useMemo, useState } from "react";

import { useAsked } from "../base/asked";
import { hrefOf, type Route } from "../base/route";
import type { Point } from "../base/polygon";
import type { ImageDescription } from "../client/images";
import { differenceOf, getRun, isAway, type LabelDifference, listRuns, picturesBelow, picturesOf, type RunDetail, type RunPicture,
  type Task, tasksOf } from "../client/runs";
import { fit, type Screen } from "../explorer/camera";
import type { Camera } from "../explorer/view";
import { firstLook } from "../images/image_look";
import { labelAt } from "../images/picking";
import { ChannelRow } from "../images/images_panel";
import { Empty, Shown as Answered } from "../portal/states";
import { ArchiveNotice } from "../runs/archive_notice";
import { ReviewBox } from "../runs/review_box";
import { Button, Choice, Notice } from "../widgets/controls";
import { type Editing, EditPanel, notEditing } from "./edit_panel";
import { changedColour, chosenColours, differenceColours, onlyColour } from "./label_colours";
import { PicturePane } from "./picture_pane";
import { firstKinds, kindOf, type Looks, ofItem, type Opened, openedOf, useOpened, useShown } from "./view_state";

interface Side {
  run: RunDetail;
  pictures: RunPicture[];
}
const sideOf = async (run: string, signal: AbortSignal): Promise<Side> => {
  const [detail, pictures] = await Promise.all([getRun(run, signal), picturesOf(run, signal)]);
  return { run: detail, pictures };
};

/** What a run read and made, as pictures: of one slide, and of two runs side by side. */
export function ViewerPage({ id, route }: { id: string; route: Route }) {
  const other = route.query.get("with") ?? "";
  const asked = useAsked(async (signal) => ({ one: await sideOf(id, signal),
    two: other ? await sideOf(other, signal) : null, tasks: await tasksOf(id, signal) }), [id, other]);
  return <Answered asked={asked}>{({ one, two, tasks }) => one.pictures.length === 0
    ? <Empty title="There is no picture yet"><a href={hrefOf(["runs", id])}>To the run</a></Empty>
    : <Viewer one={one} two={two} tasks={tasks} route={route} onReviewed={asked.again} />}</Answered>;
}

function Viewer({ one, two, tasks, route, onReviewed }: {
  one: Side; two: Side | null; tasks: Task[]; route: Route; onReviewed: () => void;
}) {
  const items = useMemo(() => [...new Set(one.pictures.map(({ item }) => item))]
    .filter(Boolean).sort((left, right) => left.localeCompare(right, "en", { numeric: true })),
  [one.pictures]);
  const item = route.query.get("item") ?? items[0] ?? "";
  const go = (change: Record<string, string>) => {
    const query = { item, with: two?.run.id ?? "", ...change };
    location.hash = hrefOf(["runs", one.run.id, "view"], Object.fromEntries(
      Object.entries(query).filter(([, value]) => value)));
  };
  return <div className="viewer-page">
    <header className="viewer-head"><nav className="crumbs" aria-label="Where this is">
      <a href={hrefOf(["runs"])}>Runs</a><a href={hrefOf(["runs", one.run.id])}>{one.run.name}</a></nav>
      <h1 className="visually-hidden">Pictures of {one.run.name}</h1>
      <Choice label="Slide" value={item} options={items.includes(item) ? items : [item, ...items]}
        onChange={(value) => go({ item: value })} />
      <OtherRun run={one.run} chosen={two?.run.id ?? ""} onChoose={(value) => go({ with: value })} />
    </header>
    <Sides key={`${one.run.id} ${item} ${two?.run.id}`} one={one} two={two} item={item} tasks={tasks}
      show={route.query.get("show") ?? ""} onReviewed={onReviewed} /></div>;
}

/** Which run stands beside this one: one of the same pipeline. */
function OtherRun({ run, chosen, onChoose }: {
  run: RunDetail; chosen: string; onChoose: (run: string) => void;
}) {
  const runs = useAsked((signal) => listRuns(false, signal), []);
  const others = runs.state === "here" ? runs.value.filter((one) => one.id !== run.id &&
    one.pipeline === run.pipeline) : [];
  return <Choice label="Beside it" value={chosen} onChange={onChoose}
    options={[{ value: "", text: "nothing" }, ...others.map(({ id, name }) => ({ value: id, text: name })),
      ...(chosen && !others.some(({ id }) => id === chosen) ? [chosen] : [])]} />;
}

function Sides({ one, two, item, tasks, show, onReviewed }: {
  one: Side; two: Side | null; item: string; tasks: Task[]; show: string; onReviewed: () => void;
}) {
  const here = useMemo(() => ofItem(one.pictures, item), [one.pictures, item]);
  const there = useMemo(() => two ? ofItem(two.pictures, item) : [], [two, item]);
  const away = useMemo(() => [...new Set(here.filter(({ place }) => isAway(place))
    .map(({ stage }) => stage))], [here]);
  const [kinds, setKinds] = useState(() => firstKinds(here, show));
  const [looks, setLooks] = useState<Looks>({});
  const [found, setFound] = useState<{ kind: string; difference: LabelDifference } | null>(null);
  const openedThere = useOpened(two?.run.id ?? "", there, kinds);
  const opened = useOpened(one.run.id, here, kinds);
  const [editing, setEditing] = useState(notEditing);
  const edited = here.find((one) => one.labels && one.stage && kinds.includes(kindOf(one)) && !isAway(one.place));
  const coloursOn = useCallback((side: "here" | "there") => (kind: string, largest: number) =>
    found?.kind === kind ? differenceColours(largest, found.difference, side)
      : side === "here" && editing.chosen.length > 0 ? chosenColours(largest, editing.chosen) : null,
  [found, editing.chosen]);
  const onPlace = usePlace(one.run.id, edited && openedOf(opened, edited), editing, setEditing);
  const coloursHere = useMemo(() => coloursOn("here"), [coloursOn]);
  const coloursThere = useMemo(() => coloursOn("there"), [coloursOn]);
  const shown = useShown(here, kinds, opened, looks, coloursHere);
  const shownThere = useShown(there, kinds, openedThere, looks, coloursThere);
  const [screen, setScreen] = useState<Screen | null>(null);
  const [moved, setMoved] = useState<Camera | null>(null);
  const first = shown[0]?.image;
  const fitted = useMemo(() => first && screen && screen.width > 0
    ? fit(Float32Array.of(0, first.width), Float32Array.of(0, first.height), screen.width, screen.height)
    : null, [first?.width, first?.height, screen]);
  const camera = moved ?? fitted;
  const onCamera = (move: (camera: Camera, screen: Screen) => Camera, size: Screen) =>
    setMoved((now) => now ? move(now, size) : fitted ? move(fitted, size) : null);
  const review = tasks.filter((task) => task.state === "review" &&
    (task.item === item || item.startsWith(`${task.item}/`)));
  return <div className="viewer">
    <div className="viewer-panes">
      <PicturePane run={one.run.id} title={one.run.name} shown={shown} camera={camera} onCamera={onCamera}
        waits={opened.coming.length > 0} onScreen={setScreen} line={editing.points}
        closed={editing.tool === "outline"} onPlace={editing.tool ? onPlace : undefined} />
      {two && <PicturePane run={two.run.id} title={two.run.name} shown={shownThere} camera={camera}
        waits={openedThere.coming.length > 0} onCamera={onCamera} onScreen={() => {}} />}</div>
    <aside className="viewer-side" aria-label="Pictures">
      {review.map((task) => <ReviewBox key={task.id} run={one.run} task={task} onDone={onReviewed} />)}
      {away.length > 0 && <ArchiveNotice run={one.run} stages={away} onBack={onReviewed} />}
      <div className="buttons"><Button onClick={() => setMoved(null)}>Whole slide</Button></div>
      {two && <Difference one={one} two={two} here={here} there={there} kinds={kinds} found={found}
        onFound={setFound} />}
      {[opened, openedThere].map((side, at) => <Coming key={at} opened={side} />)}
      {edited && <EditPanel key={edited.id} run={one.run} picture={edited} editing={editing} setEditing={setEditing}
        onDone={onReviewed} />}
      <KindList here={here} kinds={kinds} setKinds={setKinds} opened={opened} looks={looks}
        setLooks={setLooks} /></aside></div>;
}

/** What a click on the picture does while its cells are edited. */
function usePlace(run: string, image: ImageDescription | undefined, editing: Editing,
    setEditing: (now: Editing) => void): (place: Point) => void {
  return (place) => {
    const { tool, chosen, points } = editing;
    if (tool === "line" || tool === "outline") {
      setEditing({ ...editing, points: tool === "line" && points.length === 2 ? [place] : [...points, place] });
    } else if (image) {
      void labelAt(picturesBelow(run), image, place).then((label) => {
        if (label > 0) setEditing({ ...editing, chosen: chosen.includes(label)
          ? chosen.filter((one) => one !== label) : [...chosen, label] });
      });
    }
  };
}

function Coming({ opened }: { opened: Opened }) {
  return <>{opened.problem && <Notice kind="error">{opened.problem}</Notice>}
    {opened.coming.length > 0 && <p className="note" role="status">Reading {opened.coming.join(", ")} …</p>}</>;
}

/** Which pictures lie on each other, and how each is shown. */
function KindList({ here, kinds, setKinds, opened, looks, setLooks }: {
  here: RunPicture[]; kinds: string[]; setKinds: (kinds: string[]) => void; opened: Opened; looks: Looks;
  setLooks: (looks: Looks) => void;
}) {
  const toggle = (picture: RunPicture, on: boolean) => {
    const kind = kindOf(picture);
    // Only one picture is seen at a time: the next would cover it. Outlines may lie on it.
    const kept = kinds.filter((one) => one !== kind && (picture.labels || !on ||
      here.some((other) => kindOf(other) === one && other.labels)));
    setKinds(on ? [...kept, kind] : kept);
  };
  return <ul className="kind-list">{here.map((picture) => {
    const kind = kindOf(picture);
    const image = openedOf(opened, picture);
    const on = kinds.includes(kind);
    return <li key={picture.id}><label className="image-name"><input type="checkbox" checked={on}
      onChange={(event) => toggle(picture, event.target.checked)} /> {kind}
      <small> {isAway(picture.place) ? "in the archive" : picture.labels ? "outlines" : "picture"}</small></label>
      {on && image?.content === "intensity" && <ul className="channel-list">
        {image.channels.map((channel, at) => {
          const look = looks[kind] ?? { ...firstLook(image, [image]), shown: true };
          return <ChannelRow key={channel.name + at} channel={channel} look={look.channels[at]}
            set={(change) => setLooks({ ...looks, [kind]: { ...look, channels: look.channels.map((old, which) =>
              which === at ? { ...old, ...change } : old) } })} />;
        })}</ul>}</li>;
  })}</ul>;
}

/** What is different in the outlines of two runs, as colours and as numbers. */
function Difference({ one, two, here, there, kinds, found, onFound }: {
  one: Side; two: Side; here: RunPicture[]; there: RunPicture[]; kinds: string[];
  found: { kind: string; difference: LabelDifference } | null;
  onFound: (found: { kind: string; difference: LabelDifference } | null) => void;
}) {
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const mine = here.find((picture) => picture.labels && kinds.includes(kindOf(picture)));
  const theirs = mine && there.find((picture) => kindOf(picture) === kindOf(mine));
  if (!mine || !theirs) return <p className="note">Show outlines that both runs have, to compare them.</p>;
  const compare = async () => {
    setBusy(true);
    setProblem("");
    try {
      onFound({ kind: kindOf(mine),
        difference: await differenceOf(one.run.id, mine.id, two.run.id, theirs.id) });
    } catch (failure) {
      setProblem(failure instanceof Error ? failure.message : String(failure));
    } finally {
      setBusy(false);
    }
  };
  const { difference } = found ?? {};
  return <section className="difference" aria-label="Differences">
    <Button disabled={busy} pressed={!!found} onClick={() => found ? onFound(null) : void compare()}>
      Differences of {kindOf(mine)}</Button>
    {problem && <Notice kind="error">{problem}</Notice>}
    {difference && <dl><div><dt>the same</dt><dd>{difference.same}</dd></div>
      <div><dt><i style={{ background: changedColour }} /> another border</dt><dd>{difference.changed}</dd></div>
      <div><dt><i style={{ background: onlyColour }} /> only in {one.run.name}</dt>
        <dd>{difference.only_here.length}</dd></div>
      <div><dt><i style={{ background: onlyColour }} /> only in {two.run.name}</dt>
        <dd>{difference.only_there.length}</dd></div></dl>}</section>;
}
