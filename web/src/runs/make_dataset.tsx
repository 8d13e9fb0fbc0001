import { useState } from "react";

import { hrefOf } from "../base/route";
import { isOver, type Job, startImport, watchJob } from "../client/jobs";
import { pictureOf, type RunDetail, type RunPicture, type Task } from "../client/runs";
import { Button, Choice, Dialog, Field, Notice, Progress } from "../widgets/controls";

const isTable = (name: string) => name.endsWith(".h5ad");
const tableOf = (task: Task) => task.outputs?.cells?.find(isTable);

/** Tasks that made a table of cells, those with a picture of their own (mosaics) first. */
export const tasksWithCells = (tasks: Task[]): Task[] =>
  tasks.filter((task) => task.folder && task.state === "done" && tableOf(task))
    .sort((one, other) => Number(!!other.outputs?.image) - Number(!!one.outputs?.image) || other.id - one.id);

type Making = { at: "asking" } | { at: "working"; what: string; job: Job | null } | { at: "there" };

/** The cells that a run made become a dataset, on its picture where there is one. */
export function MakeDataset({ run, tasks, pictures, onClose }: {
  run: RunDetail; tasks: Task[]; pictures: RunPicture[]; onClose: () => void;
}) {
  const [from, setFrom] = useState(String(tasks[0].id));
  const [name, setName] = useState(run.name.replace(/[^A-Za-z0-9._-]/g, "-"));
  const [title, setTitle] = useState("");
  const [making, setMaking] = useState<Making>({ at: "asking" });
  const [problem, setProblem] = useState("");
  const follow = async (what: string, started: Promise<Job>) => {
    setMaking({ at: "working", what, job: null });
    const job = await watchJob((await started).id, new AbortController().signal,
      (now) => setMaking({ at: "working", what, job: now }));
    if (isOver(job) && job.state !== "succeeded") throw new Error(job.error?.message ?? `${what}: ${job.state}`);
  };
  const make = async () => {
    const task = tasks.find(({ id }) => String(id) === from) ?? tasks[0];
    setProblem("");
    try {
      await follow("Cells", startImport({ path: `${task.folder}/${tableOf(task)}`, dataset: name, title }));
      for (const picture of pictures.filter(({ id }) => id.startsWith(`${task.id}-`))) {
        const about = await pictureOf(run.id, picture.id);
        const scale = about.micrometres_x ?? 1;
        await follow(picture.labels ? "Outlines" : "Picture", startImport({ path: `${task.folder}/${picture.name}`,
          image: { of: name, name: picture.labels ? "outlines" : "slides", embedding: "spatial",
            transform: [scale, 0, 0, 0, about.micrometres_y ?? scale, 0],
            ...(picture.labels ? { labels: true, cell_column: tableColumn(picture) } : {}) } }));
      }
      setMaking({ at: "there" });
    } catch (failure) {
      setProblem(failure instanceof Error ? failure.message : String(failure));
      setMaking({ at: "asking" });
    }
  };
  return <Dialog title="Make a dataset of the cells" onClose={onClose}>
    {making.at === "there" ? <p>It is there. <a className="button main" href={hrefOf(["explore", name])}>
      Open it in the Explorer</a></p>
      : making.at === "working" ? <Progress label={`${making.what}: ${making.job?.progress.step || "waiting"}`}
        done={making.job?.progress.done} total={making.job?.progress.total} />
        : <form className="make-dataset" onSubmit={(event) => { event.preventDefault(); void make(); }}>
          <Choice label="Cells of" value={from} onChange={setFrom} options={tasks.map((task) => ({
            value: String(task.id), text: `${task.stage} ${task.item}`.trim() +
              (task.outputs?.image ? ", with its picture" : "") }))} />
          <Field label="Name in addresses and SQL">{(id) => <input id={id} value={name} required
            pattern="[A-Za-z0-9][A-Za-z0-9._\-]*" onChange={(event) => setName(event.target.value)} />}</Field>
          <Field label="Title">{(id) => <input id={id} value={title}
            onChange={(event) => setTitle(event.target.value)} />}</Field>
          <div className="buttons"><button type="submit" className="button main">Make it</button></div></form>}
    {problem && <Notice kind="error">{problem}</Notice>}
  </Dialog>;
}

/** The column of the table that says which outline is whose. */
const tableColumn = (picture: RunPicture) => picture.name.startsWith("mosaic") ? "mosaic_label" : "label";

/** The button, where a run has made cells; making datasets of the server's files is for administrators. */
export function MakeDatasetButton({ run, tasks, pictures }: {
  run: RunDetail; tasks: Task[]; pictures: RunPicture[];
}) {
  const [open, setOpen] = useState(false);
  const able = tasksWithCells(tasks);
  if (able.length === 0) return null;
  return <><Button kind="main" onClick={() => setOpen(true)}>Make a dataset …</Button>
    {open && <MakeDataset run={run} tasks={able} pictures={pictures} onClose={() => setOpen(false)} />}</>;
}
