import { useEffect, useState } from "react";

import { type DatasetEntry, listDatasets } from "../client/datasets";
import { isSignedIn } from "../client/account";
import { count } from "../base/numbers";
import { hrefOf } from "../base/route";
import { Notice } from "../widgets/controls";
import { SignIn } from "./sign_in";

/** All datasets that the reader may see. */
export function HomePage() {
  const [datasets, setDatasets] = useState<DatasetEntry[] | null>(null);
  const [problem, setProblem] = useState("");
  const [text, setText] = useState("");
  const read = () => {
    setProblem("");
    listDatasets().then(setDatasets).catch((failure: Error) => setProblem(failure.message));
  };
  useEffect(read, []);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = datasets?.filter((dataset) => words.every((word) =>
    `${dataset.name} ${dataset.title}`.toLowerCase().includes(word)));
  return <main className="page">
    <div className="page-head"><h1>Datasets</h1><SignIn onChange={read} /></div>
    <input type="search" className="wide-search" aria-label="Find a dataset" placeholder="Find a dataset"
      value={text} onChange={(event) => setText(event.target.value)} />
    {problem && <Notice kind="error">{problem}</Notice>}
    {!datasets && !problem && <p className="waiting">Loading …</p>}
    {datasets?.length === 0 && <p className="empty">There is nothing here yet. <code>stroma import
      FILE</code> brings a dataset in{isSignedIn() ? "." : "; those that are private are seen by who signs in."}
      </p>}
    <ul className="cards">{found?.map((dataset) => <li key={dataset.id}>
      <a href={hrefOf(["explore", dataset.name])}>
        <strong>{dataset.title || dataset.name}</strong>
        <span>{dataset.cells !== undefined && `${count(dataset.cells)} cells`}
          {dataset.genes !== undefined && ` × ${count(dataset.genes)} genes`}</span>
        <small>{dataset.visibility}</small></a></li>)}</ul>
    {datasets && datasets.length > 0 && found?.length === 0 &&
      <p className="empty">No dataset has these words.</p>}
  </main>;
}
