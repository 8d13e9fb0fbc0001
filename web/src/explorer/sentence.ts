import { type CategoryFilter, type Filter, filterKey, type NumberSource, type RangeFilter, type Selection,
  sourceKey } from "./selection";

/** Cells asked for in plain English become a selection: "B cells and monocytes of donor 3 with CD79A
 *  above 1, not in liver". The words are those of the dataset: labels, columns, genes, gene sets;
 *  what they leave over is told, never guessed. No model is asked, so the same words always choose
 *  the same cells, and nothing leaves the browser but questions for genes. */

/** What words may stand for. */
export interface Vocabulary {
  categories: { name: string; labels: string[] }[];
  numbers: string[];
  sets: { name: string; genes: string[] }[];
  layer: string;
  /** The column whose labels go before equal ones of other columns. */
  preferred: string | null;
  /** The name by which a gene is asked for; null is none. */
  gene(word: string): Promise<string | null>;
}

export interface Understood {
  selection: Selection;
  /** Words that stand for nothing here. */
  left: string[];
  /** What could have been meant otherwise. */
  notes: string[];
}

type Atom = CategoryFilter | RangeFilter;
interface Clause {
  atom: Atom;
  not: boolean;
  or: boolean;
}
type Meaning = { column: string; labels: string[] } | { source: NumberSource };

const phraseMost = 8;
const fillers = new Set(("a an the of in on at to all any show me find select get give please cell cells that " +
  "which who whose where are is was were has have having with from by for only just i want also but " +
  "both expressing express expresses expressed expression level levels value values count belonging " +
  "labelled labeled annotated called as it its their them those these then than there").split(" "));
const negations = new Set(["not", "no", "without", "except", "excluding", "nor", "neither", "minus", "lacking"]);
const comparisons: [words: string, end: "low" | "high" | "both", strict: boolean][] = [
  ["more than", "low", true], ["greater than", "low", true], ["higher than", "low", true],
  ["larger than", "low", true], ["above", "low", true], ["over", "low", true], [">", "low", true],
  ["exceeding", "low", true], ["at least", "low", false], ["no less than", "low", false],
  [">=", "low", false], ["≥", "low", false], ["less than", "high", true],
  ["fewer than", "high", true], ["lower than", "high", true], ["smaller than", "high", true],
  ["below", "high", true], ["under", "high", true], ["<", "high", true],
  ["at most", "high", false], ["no more than", "high", false], ["up to", "high", false],
  ["<=", "high", false], ["≤", "high", false], ["exactly", "both", false],
  ["equal to", "both", false], ["=", "both", false], ["==", "both", false]];

/** Singular, without the marks that end a clause. */
function plain(word: string): string {
  const bare = word.toLowerCase();
  if (bare.length > 4 && bare.endsWith("ies")) return `${bare.slice(0, -3)}y`;
  return bare.length > 3 && bare.endsWith("s") && !/(ss|us|is)$/.test(bare) ? bare.slice(0, -1) : bare;
}

const wordsOf = (text: string): string[] => text.replace(/(>=|<=|==|[<>=≥≤])/g, " $1 ")
  .replace(/[“”"‘’()[\]{};!?]/g, " ").replace(/,/g, " , ").replace(/[.:](?=\s|$)/g, " ")
  .split(/[\s_]+/).filter(Boolean);

const phraseOf = (words: string[]): string => words.map(plain).join(" ");
const numberIn = (word: string | undefined): number | null =>
  word !== undefined && /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?%?$/i.test(word) ? Number.parseFloat(word) : null;

/** All phrases that name something, the certain ones first. */
class Phrases {
  private readonly known = new Map<string, Meaning[]>();
  private readonly labels: { column: string; label: string; words: string }[] = [];
  /** By column, also labels that are mere numbers. */
  private readonly inColumn = new Map<string, Map<string, string>>();
  /** What columns are called: their names, and "donor" for "donor_id". */
  private readonly columns = new Map<string, string>();

  constructor(vocabulary: Vocabulary) {
    const { categories, preferred } = vocabulary;
    const sorted = [...categories].sort((one, other) =>
      Number(other.name === preferred) - Number(one.name === preferred));
    for (const { name, labels } of sorted) {
      const column = phraseOf(wordsOf(name));
      this.columns.set(column, name);
      this.columns.set(column.replace(/ id$/, ""), name);
      const own = new Map<string, string>();
      this.inColumn.set(name, own);
      for (const label of labels) {
        const words = phraseOf(wordsOf(label));
        const meaning = { column: name, labels: [label] };
        own.set(words, label);
        // A bare number is a threshold, and no label.
        if (numberIn(words) !== null || words === "true" || words === "false") continue;
        this.put(words, meaning);
        this.put(words.endsWith(" cell") ? words.slice(0, -" cell".length) : `${words} cell`, meaning);
        this.labels.push({ column: name, label, words: ` ${words} ` });
      }
      if (labels.includes("true")) this.put(column, { column: name, labels: ["true"] });
    }
    for (const name of vocabulary.numbers)
      this.put(phraseOf(wordsOf(name)), { source: { from: "obs", column: name } });
    for (const { name, genes } of vocabulary.sets)
      this.put(phraseOf(wordsOf(name)), { source: { from: "set", name, genes, layer: vocabulary.layer } });
  }

  /** The longest phrase from there on, and how many words it has. */
  at(words: string[], from: number): { meanings: Meaning[]; length: number } | null {
    for (let length = Math.min(phraseMost, words.length - from); length > 0; length--) {
      const phrase = phraseOf(words.slice(from, from + length));
      const meanings = this.known.get(phrase);
      if (meanings && !(length === 1 && fillers.has(phrase))) return { meanings, length };
    }
    return null;
  }

  /** The column that is named there, and how many words its name has. */
  column(words: string[], from: number): { column: string; length: number } | null {
    for (let length = Math.min(phraseMost, words.length - from); length > 0; length--) {
      const column = this.columns.get(phraseOf(words.slice(from, from + length)));
      if (column) return { column, length };
    }
    return null;
  }

  labelOf(column: string, words: string[], from: number): { meanings: Meaning[]; length: number } | null {
    for (let length = Math.min(phraseMost, words.length - from); length > 0; length--) {
      const label = this.inColumn.get(column)?.get(phraseOf(words.slice(from, from + length)));
      if (label !== undefined) return { meanings: [{ column, labels: [label] }], length };
    }
    return null;
  }

  /** Labels that contain the words: "monocytes" are both kinds of them. */
  around(words: string[], from: number): { meanings: Meaning[]; length: number } | null {
    for (let length = Math.min(phraseMost, words.length - from); length > 0; length--) {
      const phrase = phraseOf(words.slice(from, from + length));
      if (phrase.length < 3 || phrase.split(" ").every((word) => fillers.has(word))) continue;
      const hits = this.labels.filter((label) => label.words.includes(` ${phrase} `));
      if (hits.length === 0) continue;
      const columns = [...new Set(hits.map(({ column }) => column))];
      return { length, meanings: columns.map((column) => ({ column,
        labels: hits.filter((hit) => hit.column === column).map(({ label }) => label) })) };
    }
    return null;
  }

  private put(phrase: string, meaning: Meaning): void {
    const there = this.known.get(phrase);
    if (!there) this.known.set(phrase, [meaning]);
    else if (!there.some((other) => JSON.stringify(other) === JSON.stringify(meaning)))
      there.push(meaning);
  }
}

type Ends = Pick<RangeFilter, "low" | "high" | "above" | "below">;
const positive: Ends = { low: 0, high: null, above: true };
const absent: Ends = { low: null, high: 0 };

/** A comparison from there on: its ends, and where it is over. */
function comparisonAt(words: string[], from: number): { ends: Ends; next: number } | null {
  const said = (at: number, phrase: string) =>
    words.slice(at, at + phrase.split(" ").length).join(" ").toLowerCase() === phrase;
  let at = from;
  while (["is", "are", "was", "of", "expression", "level", "levels", "value", "values", "count", "counts"]
    .includes(words[at]?.toLowerCase())) at++;
  if (said(at, "between") || said(at, "from")) {
    const [low, high] = [numberIn(words[at + 1]), numberIn(words[at + 3])];
    const isRange = low !== null && high !== null && ["and", "to"].includes(words[at + 2]?.toLowerCase());
    return isRange ? { ends: { low: Math.min(low, high), high: Math.max(low, high) }, next: at + 4 } : null;
  }
  for (const [phrase, end, strict] of comparisons) {
    if (!said(at, phrase)) continue;
    const after = at + phrase.split(" ").length;
    const value = numberIn(words[after]);
    if (value === null) return null;
    const ends: Ends = end === "both" ? { low: value, high: value }
      : end === "low" ? { low: value, high: null, ...(strict ? { above: true as const } : {}) }
        : { low: null, high: value, ...(strict ? { below: true as const } : {}) };
    return { ends, next: after + 1 };
  }
  if (said(at, "positive")) return { ends: positive, next: at + 1 };
  if (said(at, "negative")) return { ends: absent, next: at + 1 };
  return null;
}

/** One sentence on its way to be understood. */
class Reading {
  readonly clauses: Clause[] = [];
  readonly left: string[] = [];
  readonly notes: string[] = [];
  private at = 0;
  private not = false;
  private or = false;
  /** The column whose labels are being told: "donors 1 and 3". */
  private about: string | null = null;
  /** A comparison that came before its name: "more than 500 n_counts". */
  private before: Ends | null = null;

  constructor(private readonly words: string[], private readonly phrases: Phrases,
    private readonly vocabulary: Vocabulary) {}

  async read(): Promise<void> {
    while (this.at < this.words.length) {
      if (!(await this.step())) {
        this.left.push(this.words[this.at]);
        this.at++;
      }
    }
    if (this.before) this.left.push("a comparison of nothing");
  }

  private async step(): Promise<boolean> {
    const word = this.words[this.at].toLowerCase();
    const found = (this.about && this.phrases.labelOf(this.about, this.words, this.at)) ||
      this.phrases.at(this.words, this.at);
    if (found) return this.named(found);
    const column = this.phrases.column(this.words, this.at);
    if (column) {
      this.about = column.column;
      this.at += column.length;
      if (["is", "=", "are"].includes(this.words[this.at]?.toLowerCase())) this.at++;
      return true;
    }
    const compared = comparisonAt(this.words, this.at);
    if (compared) {
      this.before = compared.ends;
      this.at = compared.next;
      return true;
    }
    if (negations.has(word)) return this.passed(() => { this.not = true; });
    if (word === "or") return this.passed(() => { this.or = true; });
    if (word === "and" || word === "," || word === "&") return this.passed(() => undefined);
    if (fillers.has(word)) return this.passed(() => undefined);
    const around = this.phrases.around(this.words, this.at);
    return around ? this.named(around) : this.gene();
  }

  private passed(what: () => void): true {
    what();
    this.at++;
    return true;
  }

  private named({ meanings, length }: { meanings: Meaning[]; length: number }): boolean {
    const [meaning, ...others] = meanings;
    const said = this.words.slice(this.at, this.at + length).join(" ");
    if (others.length > 0 && "column" in meaning)
      this.notes.push(`“${said}” is taken as ${meaning.column}, and is found in ${
        others.map((other) => "column" in other ? other.column : "numbers").join(", ")}, too`);
    if ("column" in meaning) {
      this.at += length;
      this.add({ kind: "category", column: meaning.column, excluded: [], only: meaning.labels });
      return true;
    }
    const compared = this.before ? null : comparisonAt(this.words, this.at + length);
    const ends = this.before ?? compared?.ends;
    if (!ends) return false;
    this.at = compared?.next ?? this.at + length;
    this.before = null;
    this.add({ kind: "range", source: meaning.source, ...ends });
    return true;
  }

  /** "CD79A above 1", "CD79A+", "expressing CD79A", "no CD79A". */
  private async gene(): Promise<boolean> {
    const word = this.words[this.at];
    const sign = /^(.+?)([+-]|pos|neg)$/.exec(word);
    const whole = await this.vocabulary.gene(word);
    const name = whole ?? (sign ? await this.vocabulary.gene(sign[1]) : null);
    if (name === null) return false;
    const marked = !whole && sign ? ["+", "pos"].includes(sign[2]) ? positive : absent : null;
    const compared = marked || this.before ? null : comparisonAt(this.words, this.at + 1);
    const ends = marked ?? this.before ?? compared?.ends ?? positive;
    this.at = compared?.next ?? this.at + 1;
    this.before = null;
    this.add({ kind: "range", source: { from: "gene", gene: name, layer: this.vocabulary.layer }, ...ends });
    return true;
  }

  /** Labels of one column that follow each other are one clause, whichever word joins them. */
  private add(atom: Atom): void {
    const last = this.clauses.at(-1);
    if (last && atom.kind === "category" && last.atom.kind === "category" &&
        last.atom.column === atom.column && (this.not === last.not)) {
      last.atom = { ...atom, only: [...new Set([...last.atom.only ?? [], ...atom.only ?? []])] };
    } else {
      this.clauses.push({ atom, not: this.not, or: this.or && this.clauses.length > 0 });
    }
    // "neither B nor T cells", "without CD3D and CD3E": a "not" holds until the clause turns.
    this.or = false;
    const next = this.words[this.at]?.toLowerCase();
    if (!["and", "or", ",", "nor"].includes(next) || this.notIsOver()) this.not = false;
  }

  /** Whether what follows "and" has a "not" of its own, or begins another kind of thing. */
  private notIsOver(): boolean {
    const after = (this.about && this.phrases.labelOf(this.about, this.words, this.at + 1)) ||
      (this.phrases.at(this.words, this.at + 1) ?? this.phrases.around(this.words, this.at + 1));
    const last = this.clauses.at(-1)?.atom;
    if (!after) return last?.kind === "category";
    const [meaning] = after.meanings;
    return last?.kind === "category" ? !("column" in meaning) || meaning.column !== last.column
      : "column" in meaning;
  }
}

/** Two wishes for the same thing within one alternative become one filter. */
function together(first: Clause, second: Clause): Clause | null {
  const [one, other] = [first.atom, second.atom];
  if (one.kind === "category" && other.kind === "category" && one.column === other.column) {
    const [wanted, more] = [one.only ?? [], other.only ?? []];
    const without = (list: (string | null)[], out: (string | null)[]) =>
      list.filter((label) => !out.includes(label));
    const only = first.not === second.not ? [...new Set([...wanted, ...more])]
      : second.not ? without(wanted, more) : without(more, wanted);
    return { ...first, not: first.not && second.not, atom: { ...one, only } };
  }
  if (one.kind !== "range" || other.kind !== "range" || first.not || second.not ||
      sourceKey(one.source) !== sourceKey(other.source)) return null;
  const low = Math.max(one.low ?? -Infinity, other.low ?? -Infinity);
  const high = Math.min(one.high ?? Infinity, other.high ?? Infinity);
  const strict = (end: "low" | "high", mark: "above" | "below", value: number) =>
    [one, other].some((range) => range[end] === value && range[mark]) ? { [mark]: true as const } : {};
  return { ...first, atom: { kind: "range", source: one.source,
    low: low === -Infinity ? null : low, high: high === Infinity ? null : high,
    ...strict("low", "above", low), ...strict("high", "below", high) } };
}

function selectionOf(clauses: Clause[]): Selection {
  const alternatives: Clause[][] = [];
  for (const clause of clauses) {
    if (clause.or || alternatives.length === 0) alternatives.push([]);
    const alternative = alternatives[alternatives.length - 1];
    const at = alternative.findIndex((other) => together(other, clause) !== null);
    if (at < 0) alternative.push(clause);
    else alternative[at] = together(alternative[at], clause) ?? clause;
  }
  const filtersOf = (alternative: Clause[]): Filter[] =>
    alternative.map(({ atom, not }) => ({ ...atom, ...(not ? { not: true } : {}) }));
  const lists = alternatives.map(filtersOf);
  const keys = lists.flat().map(filterKey);
  const isPlain = new Set(keys).size === keys.length;
  return lists.flatMap((filters, at): Filter[] => {
    const joint = at > 0 ? { or: true } : {};
    if (isPlain) return filters.map((filter, place) => place === 0 ? { ...filter, ...joint } : filter);
    return [{ kind: "joined", name: `said ${at + 1}`, parts: filters, ...joint }];
  });
}

export async function understood(sentence: string, vocabulary: Vocabulary): Promise<Understood> {
  const reading = new Reading(wordsOf(sentence), new Phrases(vocabulary), vocabulary);
  await reading.read();
  return { selection: selectionOf(reading.clauses), left: reading.left, notes: reading.notes };
}
