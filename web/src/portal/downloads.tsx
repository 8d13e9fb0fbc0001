import { useState } from "react";

import { date } from "../base/dates";
import { bytes as bytesText } from "../base/numbers";
import { address } from "../client/http";
import { type DatasetRecord, type DownloadLink, fileReady, makeLink } from "../client/portal";
import { Button, Icon, Notice, Progress } from "../widgets/controls";

const told: Record<string, [string, string]> = {
  h5ad: ["AnnData", "scanpy, anndata, cellxgene"], zarr: ["Zarr", "AnnData in the cloud, zipped"],
  loom: ["Loom", "loompy, scvelo"], csv: ["CSV", "spreadsheets; dense, zipped"],
  mtx: ["Matrix Market", "Seurat, 10x readers"], parquet: ["Parquet", "DuckDB, pandas; a row a value"],
  arrow: ["Arrow", "any Arrow reader; a row a value"], "10x": ["10x HDF5", "Seurat, scanpy, Cell Ranger tools"],
};

/** The whole dataset in every format. A file is made when it is first asked for; its link is for
 *  whoever has it, for seven days. */
export function Downloads({ record }: { record: DatasetRecord }) {
  const revision = record.revisions.find(({ current }) => current);
  if (!revision) return null;
  return <ul className="downloads">{record.files.map(({ format, name, bytes }) =>
    <OneFormat key={format} dataset={record.id} format={format} revision={revision.id}
      about={format === "source" ? ["The file as it came in", `${name ?? ""}, ${bytesText(bytes ?? 0)}`]
        : told[format] ?? [format, ""]} />)}</ul>;
}

type Step = { at: "idle" } | { at: "making"; percent: number } | { at: "ready"; link: DownloadLink }
  | { at: "failed"; problem: string };

function OneFormat({ dataset, format, revision, about: [title, use] }: {
  dataset: string; format: string; revision: string; about: [string, string];
}) {
  const [step, setStep] = useState<Step>({ at: "idle" });
  const make = async () => {
    setStep({ at: "making", percent: 0 });
    try {
      const link = await makeLink(dataset, format, revision);
      const waiting = new AbortController();
      for (;;) {
        const ready = await fileReady(link.path, waiting.signal);
        if (ready === true) break;
        setStep({ at: "making", percent: ready });
      }
      setStep({ at: "ready", link });
    } catch (failure) {
      setStep({ at: "failed", problem: (failure as Error).message });
    }
  };
  return <li><div className="download-head"><div><strong>{title}</strong><small>{use}</small></div>
    {step.at === "idle" && <Button onClick={() => void make()} aria-label={`Prepare ${format}`}>
      <Icon name="download" />{format}</Button>}
    {step.at === "ready" && <a className="button main" href={address(step.link.path)} download>
      <Icon name="download" />Download</a>}</div>
    {step.at === "making" && <Progress label={`Making the ${format} file`} done={step.percent} total={100} />}
    {step.at === "ready" && <p className="note">Works until {date(step.link.expires)}:
      <code className="curl">curl -OJ {address(step.link.path)}</code></p>}
    {step.at === "failed" && <Notice kind="error">{step.problem}</Notice>}
  </li>;
}
