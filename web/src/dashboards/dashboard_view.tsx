import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from "react";

import { useAsked } from "../base/asked";
import { saveText } from "../base/files";
import { hrefOf } from "../base/route";
import { type Account } from "../client/account";
import { createDashboard, type DashboardRecord, type Definition, type Panel, panelRows, previewRows, readDashboard,
  removeDashboard, saveDashboard, type Values } from "../client/dashboards";
import { Badge, Empty, Shown } from "../portal/states";
import { Button, Icon, Notice } from "../widgets/controls";
import { below, freshId, placeOf, settled } from "./grid";
import { type Ask, closeMenu } from "./panel_box";
import { PanelEditor } from "./panel_editor";
import { PanelGrid } from "./panel_grid";
import { ParameterBar } from "./parameter_bar";
import { SettingsDialog } from "./settings_dialog";
import { ShareDashboard } from "./share_dashboard";
import { VersionsDialog } from "./versions_dialog";

export function DashboardView({ id, account, query }: { id: string; account: Account; query: URLSearchParams }) {
  const asked = useAsked(() => readDashboard(id), [id, account.user?.id]);
  return <div className="page dashboard-page"><Shown asked={asked}>{(record) =>
    <OpenDashboard key={`${record.id} ${record.version}`} record={record} account={account} query={query}
      onChange={asked.again} />}</Shown></div>;
}

const mark = "v.";
/** Values of parameters stand in the address, so that it shows the same to others. */
const valuesIn = (query: URLSearchParams): Values =>
  Object.fromEntries([...query].filter(([name]) => name.startsWith(mark)).map(([name, value]) =>
    [name.slice(mark.length), value]));
const keepInAddress = (id: string, values: Values): void => history.replaceState(null, "",
  hrefOf(["dashboards", id], Object.fromEntries(Object.entries(values).map(([name, value]) => [mark + name, value]))));

type Open = "" | "settings" | "share" | "versions" | "remove";

function OpenDashboard({ record, account, query, onChange }: {
  record: DashboardRecord; account: Account; query: URLSearchParams; onChange: () => void;
}) {
  const { id } = record;
  const [draft, setDraft] = useState<Definition | null>(null);
  const [edited, setEdited] = useState<Panel | null>(null);
  const [open, setOpen] = useState<Open>("");
  const [problem, setProblem] = useState("");
  const [values, setValues] = useState<Values>(() => valuesIn(query));
  // Somebody went back, or to an address with other values.
  const asked = query.toString();
  useEffect(() => setValues(valuesIn(new URLSearchParams(asked))), [asked]);
  const page = useRef<HTMLDivElement>(null);
  const shown = draft ?? record.definition;
  const panels = useMemo(() => settled(shown.panels ?? []), [shown]);
  const parameters = shown.parameters ?? [];
  const known = useMemo(() => Object.fromEntries(Object.entries(values).filter(([name]) =>
    (shown.parameters ?? []).some((one) => one.name === name))), [values, shown.parameters]);
  const isDraft = draft !== null;
  const ask: Ask = useCallback((panel, fresh, signal) => isDraft
    ? previewRows(panel.source ?? "relations", panel.statement ?? "", shown.parameters ?? [], known, signal)
    : panelRows(id, panel.id, known, fresh, signal), [id, isDraft, known, shown.parameters]);
  const set = (values: Values) => {
    setValues(values);
    keepInAddress(id, values);
  };
  const run = (work: Promise<unknown>, then: () => void) => work.then(then, (failure: Error) =>
    setProblem(failure.message));
  const change = (part: Partial<Definition>) => setDraft((now) => ({ ...(now ?? record.definition), ...part }));
  const save = () => draft && run(saveDashboard(id, record.version, draft), onChange);
  const copy = () => run(createDashboard({ ...shown, as_owner: false, title: `${shown.title} (copy)` }).then((made) => {
    location.hash = hrefOf(["dashboards", made.id]);
  }), () => undefined);
  const keepPanel = (panel: Panel) => {
    change({ panels: settled(panels.some((one) => one.id === panel.id)
      ? panels.map((one) => one.id === panel.id ? panel : one) : [...panels, panel]) });
    setEdited(null);
  };
  const addPanel = () => setEdited({ id: freshId(panels), kind: "line", title: "", place: below(panels) });
  return <div ref={page} className="dashboard">
    <Head record={record} title={shown.title} editing={isDraft}>
      {isDraft ? <><Button onClick={addPanel}>Add panel</Button><Button onClick={() => setOpen("settings")}>Settings</Button>
        <Button kind="main" onClick={() => void save()}>Save</Button><Button onClick={() => setDraft(null)}>Discard</Button></>
        : <>{record.may.change && <Button kind="main" onClick={() => setDraft({ ...record.definition, panels })}>Edit</Button>}
          {record.may.share && <Button onClick={() => setOpen("share")}>Share</Button>}
          <Button onClick={() => void page.current?.requestFullscreen()}>Full screen</Button>
          <details className="popover dashboard-menu" onBlur={(event) => {
            if (!event.currentTarget.contains(event.relatedTarget)) event.currentTarget.open = false;
          }}><summary aria-label="More of the dashboard" title="More"><Icon name="more" /></summary><div onClick={closeMenu}>
            <button type="button" onClick={() => saveText(`${shown.title}.json`, JSON.stringify(shown, null, 2) + "\n",
              "application/json")}>Export as JSON</button>
            {account.signed_in && <button type="button" onClick={() => void copy()}>Save a copy</button>}
            {record.may.change && <button type="button" onClick={() => setOpen("versions")}>Versions</button>}
            {record.may.remove && <button type="button" onClick={() => setOpen("remove")}>Remove</button>}
          </div></details></>}
    </Head>
    {shown.description && <p className="note">{shown.description}</p>}
    {problem && <Notice kind="error">{problem}</Notice>}
    {open === "remove" && <Notice kind="warning">Remove this dashboard with all its versions?{" "}
      <Button kind="danger" onClick={() => run(removeDashboard(id), () => { location.hash = hrefOf(["dashboards"]); })}>
        Remove it</Button> <Button onClick={() => setOpen("")}>Keep it</Button></Notice>}
    <ParameterBar dashboard={id} parameters={parameters} values={known} onChange={set} />
    {panels.length === 0 && <Empty title="Nothing is drawn here yet"><p>A panel asks one SELECT statement and draws
      its rows.</p>{record.may.change && !isDraft && <Button kind="main" onClick={() => {
      setDraft(record.definition);
      addPanel();
    }}>Add a panel</Button>}</Empty>}
    <PanelGrid panels={panels} ask={ask} refresh={shown.refresh_seconds ?? 0} tools={isDraft ? {
      onMove: (moved) => change({ panels: moved }),
      onEdit: setEdited,
      onCopy: (panel) => change({ panels: settled([...panels, { ...panel, id: freshId(panels),
        place: below(panels, placeOf(panel)) }]) }),
      onRemove: (panel) => change({ panels: settled(panels.filter((one) => one.id !== panel.id)) }),
    } : undefined} />
    {edited && <PanelEditor panel={edited} parameters={parameters} values={known} onKeep={keepPanel}
      onClose={() => setEdited(null)} />}
    {open === "settings" && <SettingsDialog definition={shown} own={record.own} onKeep={(part) => {
      change(part);
      setOpen("");
    }} onClose={() => setOpen("")} />}
    {open === "share" && <ShareDashboard record={record} onClose={() => { setOpen(""); onChange(); }} />}
    {open === "versions" && <VersionsDialog record={record} onTake={(definition) => {
      setDraft(definition);
      setOpen("");
    }} onClose={() => setOpen("")} />}
  </div>;
}

function Head({ record, title, editing, children }: {
  record: DashboardRecord; title: string; editing: boolean; children: ReactNode;
}) {
  useEffect(() => {
    const before = document.title;
    document.title = `${title} – Stroma`;
    return () => { document.title = before; };
  }, [title]);
  return <div className="dashboard-head"><div className="crumbs"><a href={hrefOf(["dashboards"])}>Dashboards</a></div>
    <h1>{title}</h1>
    {editing && <Badge kind="warning">not saved yet</Badge>}
    {!editing && record.visibility !== "private" && <Badge kind={record.visibility === "public" ? "public" : ""}>{
      record.visibility === "public" ? "public" : "by link"}</Badge>}
    {record.definition.as_owner && <Badge kind="">asks by {record.own ? "your" : `${record.owner}’s`} rights</Badge>}
    <span className="bar-gap" /><div className="buttons">{children}</div></div>;
}
