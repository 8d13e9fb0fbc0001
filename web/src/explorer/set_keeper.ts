import { isLookedAt } from "../base/attention";
import { type KeptDocument, GeneSetClient } from "../client/kept_sets";
import type { LabelBook } from "./label_book";
import type { Session } from "./session";
import type { GeneSet } from "./view";

const pollEvery = 5_000;

const same = (one: GeneSet, other: GeneSet): boolean =>
  JSON.stringify([one.name, one.description, one.genes]) ===
  JSON.stringify([other.name, other.description, other.genes]);

/** Keeps the view's gene sets in the chosen space: what the reader changes is sent, what lies
 *  there already is shown. */
export class SetKeeper {
  problem = "";
  private known: KeptDocument | null = null;
  private space = "";
  private client: GeneSetClient | null = null;
  /** Sets that came with a link: not the reader's until they change them. */
  private guests: GeneSet[] = [];
  private busy = false;

  constructor(private readonly session: Session, private readonly book: LabelBook) {}

  /** Begins; the function ends it. */
  watch(): () => void {
    const look = () => void this.settle();
    const ends = [this.session.subscribe(look), this.book.subscribe(look)];
    const timer = setInterval(() => { if (isLookedAt()) void this.settle(true); }, pollEvery);
    look();
    return () => {
      clearInterval(timer);
      ends.forEach((end) => end());
    };
  }

  private async settle(asking = false): Promise<void> {
    const space = this.book.space?.id;
    if (this.busy || !space) return;
    this.busy = true;
    try {
      if (space !== this.space) {
        this.space = space;
        this.client = new GeneSetClient(space, this.session.store.schema.revision);
        this.known = null;
        this.guests = [...this.session.view().geneSets];
      }
      if (!this.known || asking) this.take(await this.client?.read(this.known?.etag ?? null));
      while (this.book.mayChange && (await this.sendOne())) { /* one set after the other */ }
    } catch (failure) {
      this.problem = (failure as Error).message;
    } finally {
      this.busy = false;
    }
  }

  /** Shows what others changed of sets that the reader left as they were. */
  private take(document: KeptDocument | null | undefined): void {
    if (!document) return;
    const before = this.known?.sets ?? [];
    const named = (sets: GeneSet[], name: string) => sets.find((set) => set.name === name);
    const shown = this.session.view().geneSets;
    const left = shown.flatMap((mine) => {
      const old = named(before, mine.name);
      if (!old || !same(old, mine)) return [mine];
      return named(document.sets, mine.name) ?? [];
    });
    const come = document.sets.filter((set) => !named(before, set.name) && !named(shown, set.name));
    this.known = document;
    if (come.length > 0 || left.length !== shown.length || left.some((set, at) => set !== shown[at]))
      this.session.look({ geneSets: [...left, ...come] });
  }

  /** Sends the first set that differs; false when none does. */
  private async sendOne(): Promise<boolean> {
    const { known, client } = this;
    if (!known || !client) return false;
    const shown = this.session.view().geneSets;
    const changed = shown.find((set) => !this.guests.some((guest) => same(guest, set)) &&
      !known.sets.some((other) => other.name === set.name && same(other, set)));
    const gone = known.sets.find((set) => !shown.some((other) => other.name === set.name));
    if (!changed && !gone) return false;
    const answer = changed ? await client.put(changed, known.etag)
      : await client.remove(gone?.name ?? "", known.etag);
    // What was sent is known by now; the rest of the answer is news.
    const others = known.sets.filter((set) => set.name !== (changed ?? gone)?.name);
    this.known = { ...known, sets: changed ? [...others, changed] : others };
    this.take(answer);
    return true;
  }
}
