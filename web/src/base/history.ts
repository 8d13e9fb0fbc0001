/** Past and future states, for undo and redo. States are immutable values. */
export interface History<State> {
  past: readonly State[];
  present: State;
  future: readonly State[];
}

const depth = 200;

export const begin = <State>(present: State): History<State> =>
  ({ past: [], present, future: [] });

/** A new present. With `joined`, it takes the present's place: one drag is one step. */
export function step<State>(history: History<State>, next: State, joined = false): History<State> {
  if (next === history.present) return history;
  if (joined) return { past: history.past, present: next, future: [] };
  return { past: [...history.past, history.present].slice(-depth), present: next, future: [] };
}

export function undo<State>(history: History<State>): History<State> {
  if (history.past.length === 0) return history;
  return {
    past: history.past.slice(0, -1),
    present: history.past[history.past.length - 1],
    future: [history.present, ...history.future],
  };
}

export function redo<State>(history: History<State>): History<State> {
  if (history.future.length === 0) return history;
  return {
    past: [...history.past, history.present],
    present: history.future[0],
    future: history.future.slice(1),
  };
}
