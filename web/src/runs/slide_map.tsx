import { useMemo } from "react";

import { hrefOf } from "../base/route";
import { isAway, type RunDetail, type RunPicture, type Task, taskPicture, thumbnailOf } from "../client/runs";
import { BlobPicture } from "./blob_picture";
import { stateWords } from "./run_words";

const rowsMax = 100;

/** Items down, stages across; each place fills as its task goes on, and shows what it made. A task
 *  on a part of a slide ("a/2_3") stands in its slide's row. */
export function SlideMap({ run, tasks, pictures }: {
  run: RunDetail; tasks: Task[]; pictures: RunPicture[];
}) {
  const { rows, stages } = useMemo(() => arranged(run, tasks, pictures), [run, tasks, pictures]);
  const input = (item: string) => pictures.find((one) => one.stage === "" && one.item === item);
  if (rows.length === 0) return null;
  return <section className="section" aria-label="Slides"><h2>Slides</h2>
    <div className="slide-map" tabIndex={0} role="region" aria-label="Slides and stages">
      <table aria-label="Slides and stages"><thead><tr><th scope="col">Slide</th>
        {stages.map((stage) => <th key={stage} scope="col">{stage}</th>)}</tr></thead>
      <tbody>{rows.slice(0, rowsMax).map(([item, byStage]) => <tr key={item}>
        <th scope="row"><SlideHead run={run} item={item} picture={input(item)} /></th>
        {stages.map((stage) => <td key={stage}>
          <div className="slide-tiles">{(byStage.get(stage) ?? []).map((task) =>
            <SlidePlace key={task.id} run={run} task={task} whole={task.item === ""}
              picture={pictures.find((one) => one.id.startsWith(`${task.id}-`) &&
                (task.item !== "" || one.item === item))} />)}</div></td>)}
      </tr>)}</tbody></table></div>
    {rows.length > rowsMax && <p className="note">… and {rows.length - rowsMax} further ones, in the
      tables of their stages.</p>}</section>;
}

/** Stages that are spread, and those whose files are named after slides. */
function arranged(run: RunDetail, tasks: Task[], pictures: RunPicture[]) {
  const spread = new Set(run.stages.filter(({ scatter }) => scatter.length > 0).map(({ stage }) => stage));
  const stages = run.stages.map(({ stage }) => stage).filter((stage) => spread.has(stage) ||
    pictures.some((one) => one.stage === stage && one.item !== ""));
  const slides = new Set([...pictures.map(({ item }) => item),
    ...tasks.filter(({ stage }) => spread.has(stage)).map(({ item }) => item)]
    .map((item) => item.split("/")[0]).filter(Boolean));
  const rows = [...slides].map((slide): [string, Map<string, Task[]>] => [slide,
    new Map(stages.map((stage) => [stage, tasks.filter((task) => task.stage === stage &&
      (task.item.split("/")[0] === slide || !spread.has(stage)))]))]);
  return { stages, rows: rows.sort(([one], [other]) =>
    one.localeCompare(other, "en", { numeric: true })) };
}

function SlideHead({ run, item, picture }: { run: RunDetail; item: string; picture?: RunPicture }) {
  if (!picture) return <>{item}</>;
  return <a href={hrefOf(["runs", run.id, "view"], { item })}>
    <BlobPicture keyOf={`${run.id} ${picture.id}`} alt={item}
      ask={() => thumbnailOf(run.id, picture.id)} /><span>{item}</span></a>;
}

function SlidePlace({ run, task, whole, picture }: {
  run: RunDetail; task: Task; whole: boolean; picture?: RunPicture;
}) {
  const name = whole ? undefined : task.pictures?.find((one) => /\.(png|jpe?g|svg)$/i.test(one));
  const told = `${task.item} ${task.state === "done" && task.cached ? "reused" : stateWords[task.state]}`;
  const away = isAway(task.place);
  const ask = away ? null : name ? () => taskPicture(run.id, task.id, name)
    : picture ? () => thumbnailOf(run.id, picture.id) : null;
  const share = task.progress.total > 0 ? Math.round((100 * task.progress.done) / task.progress.total) : null;
  const inside = ask ? <BlobPicture keyOf={`${task.id} ${name ?? picture?.id}`} alt={told} ask={ask} />
    : <span className={`slide-place ${task.state}`}>{away ? "archived" : stateWords[task.state]}
      {task.state === "running" && share !== null && ` ${share} %`}</span>;
  return picture ? <a title={told} href={hrefOf(["runs", run.id, "view"],
    { item: picture.item, show: picture.id })}>{inside}</a>
    : <span title={task.error || told}>{inside}</span>;
}
