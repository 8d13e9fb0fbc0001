import { type DragEvent, useRef, useState } from "react";

import { useAsked } from "../base/asked";
import { bytes } from "../base/numbers";
import { hrefOf } from "../base/route";
import { type Account } from "../client/account";
import { cancelJob, type Job, startImport } from "../client/jobs";
import { profiles, type Report, reportOfJob } from "../client/portal";
import { sendFile } from "../client/upload";
import { Button, Choice, Field, Icon, Notice, Progress } from "../widgets/controls";
import { JobSteps, useJob } from "./job_steps";
import { ReportView } from "./report_view";
import { Empty } from "./states";

/** Brings a dataset in: a file of this machine, in pieces that may break off, or an address. */
export function UploadPage({ account, dataset }: { account: Account; dataset: string }) {
  if (!account.signed_in) return <Empty title="Uploads have an owner"><p>Sign in first.</p>
    <a className="button main" href={hrefOf(["sign-in"], { to: "#/upload" })}>Sign in</a></Empty>;
  return <div className="page"><h1>{dataset ? `A new revision of ${dataset}` : "Upload a dataset"}</h1>
    <UploadForm dataset={dataset} /></div>;
}

const endings = ".h5ad,.h5,.hdf5,.loom,.zip,.zarr,.mtx,.csv,.tsv,.txt,.psv,.gz,.tar";

type Sending = { at: "choosing" } | { at: "sending"; sent: number }
  | { at: "importing"; job: string } | { at: "refused"; problem: string };

function UploadForm({ dataset }: { dataset: string }) {
  const [file, setFile] = useState<File | null>(null);
  const [url, setUrl] = useState("");
  const [name, setName] = useState(dataset);
  const [title, setTitle] = useState("");
  const [profile, setProfile] = useState("lab");
  const [strict, setStrict] = useState(false);
  const [state, setState] = useState<Sending>({ at: "choosing" });
  const stop = useRef<AbortController | null>(null);
  const known = useAsked(profiles, []);
  const choose = (chosen: File) => {
    setFile(chosen);
    setUrl("");
    if (!dataset) setName(chosen.name.replace(/(\.(h5ad|h5|loom|zip|zarr|mtx|csv|tsv|txt|gz|tar))+$/i, "")
      .replace(/[^A-Za-z0-9._-]/g, "_"));
  };
  const start = async () => {
    const order = { dataset: name, title, ...(profile ? { profile, require_valid: strict } : {}) };
    stop.current = new AbortController();
    try {
      if (url) {
        setState({ at: "importing", job: (await startImport({ url, ...order })).id });
        return;
      }
      if (!file) return;
      setState({ at: "sending", sent: 0 });
      const upload = await sendFile(file, stop.current.signal, (sent) => setState({ at: "sending", sent }));
      setState({ at: "importing", job: (await startImport({ upload, ...order })).id });
    } catch (failure) {
      setState(stop.current.signal.aborted ? { at: "choosing" }
        : { at: "refused", problem: (failure as Error).message });
    }
  };
  if (state.at === "importing")
    return <Importing job={state.job} profile={profile} onAgain={() => setState({ at: "choosing" })} />;
  const options = [...(known.state === "here" ? known.value.map((one) =>
    ({ value: one.name, text: `${one.title} ${one.version}` })) : []), { value: "", text: "nothing" }];
  const about = known.state === "here" ? known.value.find((one) => one.name === profile)?.about : "";
  return <form className="upload" onSubmit={(event) => { event.preventDefault(); void start(); }}>
    <DropPlace file={file} onFile={choose} />
    <Field label="… or fetch it from an address">{(id) => <input id={id} type="url" value={url}
      placeholder="https://…/cells.h5ad" onChange={(event) => {
        setUrl(event.target.value);
        setFile(null);
      }} />}</Field>
    <div className="two-columns">
      <Field label="Name in addresses and SQL">{(id) => <input id={id} value={name} readOnly={!!dataset}
        pattern="[A-Za-z0-9][A-Za-z0-9._\-]*" onChange={(event) => setName(event.target.value)} />}</Field>
      <Field label="Title">{(id) => <input id={id} value={title}
        onChange={(event) => setTitle(event.target.value)} />}</Field></div>
    <fieldset className="checks"><legend>Validation</legend>
      <Choice label="Check against" value={profile} options={options} onChange={setProfile} />
      {about && <p className="note">{about}</p>}
      {profile && <label className="tick"><input type="checkbox" checked={strict}
        onChange={() => setStrict(!strict)} /> Refuse the file when it has errors</label>}</fieldset>
    {state.at === "refused" && <Notice kind="error">{state.problem}</Notice>}
    {state.at === "sending" && file && <Progress
      label={`Sending ${file.name}: ${bytes(state.sent)} of ${bytes(file.size)}`}
      done={state.sent} total={file.size} />}
    <div className="buttons">{state.at === "sending"
      ? <Button onClick={() => stop.current?.abort()}>Pause</Button>
      : <Button kind="main" type="submit" disabled={!file && !url}>
        {state.at === "refused" ? "Try again" : "Upload and import"}</Button>}</div>
    <p className="note">It is private until you publish it. An upload that breaks off goes on where it
      stopped when you choose the same file again.</p>
  </form>;
}

function DropPlace({ file, onFile }: { file: File | null; onFile: (file: File) => void }) {
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const [dropped] = event.dataTransfer.files;
    if (dropped) onFile(dropped);
  };
  return <div className={over ? "drop over" : "drop"} onDrop={drop}
    onDragOver={(event) => { event.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)}>
    <Icon name="upload" />
    {file ? <p><strong>{file.name}</strong> {bytes(file.size)}</p>
      : <p>Drop a file here: h5ad, 10x HDF5, Loom, zipped Zarr, MTX or CSV</p>}
    <input ref={input} type="file" className="visually-hidden" accept={endings} tabIndex={-1}
      aria-label="File to upload" onChange={(event) => {
        const [chosen] = event.target.files ?? [];
        if (chosen) onFile(chosen);
      }} />
    <Button onClick={() => input.current?.click()}>{file ? "Choose another" : "Choose a file"}</Button>
  </div>;
}

function Importing({ job: id, profile, onAgain }: {
  job: string; profile: string; onAgain: () => void;
}) {
  const { job, problem } = useJob(id);
  if (problem) return <Notice kind="error">{problem}</Notice>;
  if (!job) return <Progress label="Waiting for the server" />;
  return <div className="importing"><JobSteps job={job} validates={profile !== ""} />
    {job.state === "succeeded" && <Done job={job} />}
    {job.state === "failed" && profile && <RefusedReport job={id} profile={profile} />}
    <div className="buttons">{job.state === "running" || job.state === "queued"
      ? <Button disabled={job.cancel_asked} onClick={() => void cancelJob(id)}>Cancel</Button>
      : <Button onClick={onAgain}>Upload another</Button>}</div></div>;
}

function Done({ job }: { job: Job }) {
  const said = job.outputs as { name?: string; cells?: number; genes?: number; notes?: string[] } | null;
  const name = said?.name ?? "";
  return <div className="arrived"><Notice kind="info">{name} is here: {said?.cells?.toLocaleString("en")} cells ×{" "}
    {said?.genes?.toLocaleString("en")} genes.</Notice>
    {said?.notes && said.notes.length > 0 && <ul className="note">{said.notes.map((note) =>
      <li key={note}>{note}</li>)}</ul>}
    <div className="buttons"><a className="button main" href={hrefOf(["datasets", name])}>
      Open its page</a><a className="button" href={hrefOf(["explore", name])}>Explore</a></div></div>;
}

function RefusedReport({ job, profile }: { job: string; profile: string }) {
  const asked = useAsked<Report | null>(() => reportOfJob(job, profile), [job, profile]);
  return asked.state === "here" && asked.value ? <ReportView report={asked.value} /> : null;
}
