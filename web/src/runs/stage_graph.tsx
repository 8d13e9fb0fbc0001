import type { RunDetail, Stage, TaskState } from "../client/runs";
import { stateOrder, stateWords } from "./run_words";

const box = { width: 188, height: 66, across: 54, down: 22, margin: 6 };

interface Node {
  name: string;
  stage?: Stage;
  text: string;
  column: number;
  row: number;
}

/** Columns by the longest way from an input; the stages are in an order in which each comes behind
 *  what it reads. */
function placed(run: Pick<RunDetail, "stages" | "pipeline_inputs">): Node[] {
  const nodes: Node[] = run.pipeline_inputs.map(({ input, pattern }, row) =>
    ({ name: input, text: pattern, column: 0, row }));
  const used = [nodes.length];
  for (const stage of run.stages) {
    const before = nodes.filter(({ name }) => stage.reads.includes(name));
    const column = Math.max(0, ...before.map((node) => node.column)) + 1;
    const row = used[column] ?? 0;
    used[column] = row + 1;
    const work = stage.step || stage.command.slice(-1)[0]?.split("/").pop() || "";
    nodes.push({ name: stage.stage, stage, column, row,
      text: work + (stage.scatter.length > 0 ? ` · each ${stage.scatter.join(", ")}` : "") });
  }
  return nodes;
}

const left = (node: Node) => box.margin + node.column * (box.width + box.across);
const top = (node: Node) => box.margin + node.row * (box.height + box.down);
const short = (text: string, most: number) => text.length > most ? `${text.slice(0, most - 1)}…` : text;

function told(stage: Stage): string {
  const parts = stateOrder.flatMap((state) => stage.states[state]
    ? [`${stage.states[state]} ${stateWords[state]}`] : []);
  if (stage.cached > 0) parts.push(`${stage.cached} reused`);
  return parts.join(", ") || "not begun";
}

/** The pipeline as a graph, with how far each stage is. A stage is a link to its tasks. */
export function StageGraph({ run, chosen, onChoose }: {
  run: Pick<RunDetail, "stages" | "pipeline_inputs">; chosen?: string; onChoose?: (stage: string) => void;
}) {
  const nodes = placed(run);
  const width = Math.max(...nodes.map(left)) + box.width + box.margin;
  const height = Math.max(...nodes.map(top)) + box.height + box.margin;
  const byName = new Map(nodes.map((node) => [node.name, node]));
  return <div className="stage-graph" tabIndex={0} role="region" aria-label="Stages as a graph">
    <div style={{ width, height, position: "relative" }}>
      <svg width={width} height={height} aria-hidden="true">{nodes.flatMap((node) =>
        (node.stage?.reads ?? []).flatMap((name) => {
          const from = byName.get(name);
          if (!from) return [];
          const [x0, y0] = [left(from) + box.width, top(from) + box.height / 2];
          const [x1, y1] = [left(node), top(node) + box.height / 2];
          const middle = (x0 + x1) / 2;
          return [<path key={`${name} ${node.name}`} className="edge"
            d={`M${x0} ${y0}C${middle} ${y0} ${middle} ${y1} ${x1 - 5} ${y1}m-5 -4l5 4l-5 4`} />];
        }))}</svg>
      {nodes.map((node) => <StageBox key={`${node.stage ? "s" : "i"}${node.name}`} node={node}
        pressed={chosen === node.name} onChoose={onChoose} />)}
    </div></div>;
}

function StageBox({ node, pressed, onChoose }: {
  node: Node; pressed: boolean; onChoose?: (stage: string) => void;
}) {
  const style = { left: left(node), top: top(node), width: box.width, height: box.height };
  const { stage } = node;
  if (!stage) return <div className="stage-box input" style={style}><strong>{node.name}</strong>
    <small>{short(node.text, 28)}</small></div>;
  const inside = <><strong>{node.name}</strong>
    <small>{short(node.text, 28)}</small>
    <Shares states={stage.states} tasks={stage.tasks} share={stage.share_done} />
    <span className="stage-told">{told(stage)}</span></>;
  const kind = (stage.states.dead ?? 0) > 0 ? "bad" : (stage.states.running ?? 0) > 0 ? "live"
    : stage.tasks > 0 && stage.states.done === stage.tasks ? "good" : "";
  return onChoose ? <button type="button" className={`stage-box ${kind}`} style={style} title={told(stage)}
    aria-pressed={pressed} onClick={() => onChoose(node.name)}>{inside}</button>
    : <div className={`stage-box ${kind}`} style={style}>{inside}</div>;
}

/** Shares of tasks in each state as one bar. */
export function Shares({ states, tasks, share }: {
  states: Partial<Record<TaskState, number>>; tasks: number; share: number;
}) {
  if (tasks === 0) return <span className="shares" />;
  const dead = (states.dead ?? 0) + (states.blocked ?? 0);
  const parts = [["done", states.done ?? 0], ["review", states.review ?? 0], ["dead", dead]] as const;
  const settled = parts.reduce((sum, [, count]) => sum + count, 0);
  const under = Math.max(0, share * tasks - settled);
  return <span className="shares" role="img" aria-label={`${Math.round(share * 100)} % done`}>
    {[...parts, ["running", under] as const].map(([kind, count]) => count > 0 &&
      <span key={kind} className={kind} style={{ width: `${(100 * count) / tasks}%` }} />)}</span>;
}
