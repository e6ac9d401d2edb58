/**
 * Brings something to a wanted value by one command at a time, so that none overtakes another: of the values that are wanted
 * while a command is on its way, only the last is sent.
 */
export class LatestWins<T> {
  readonly #command: (value: T) => Promise<void>;
  readonly #same: (one: T, other: T) => boolean;
  readonly #remembers: boolean;
  #wanted: T | undefined;
  /** What the last command was sent with; undefined if it is to be sent again. */
  #sent: T | undefined;
  #busy = false;
  #settled: Promise<void> = Promise.resolve();

  /**
   * `command` never rejects. `current` is what is so already, and need not be sent; without it each value that is wanted
   * after all is done is sent, whatever the last one was.
   */
  constructor(command: (value: T) => Promise<void>, current?: T, same: (one: T, other: T) => boolean = Object.is) {
    this.#command = command;
    this.#same = same;
    this.#remembers = current !== undefined;
    this.#wanted = this.#sent = current;
  }

  /** Answers when everything that was wanted is done. */
  want(value: T): Promise<void> {
    this.#wanted = value;
    return this.#settle();
  }

  /** Sends the same once more. */
  again(): Promise<void> {
    this.#sent = undefined;
    return this.#settle();
  }

  #settle(): Promise<void> {
    if (!this.#busy) this.#settled = this.#run();
    return this.#settled;
  }

  async #run(): Promise<void> {
    this.#busy = true;
    for (let value = this.#wanted; value !== undefined && !this.#isSent(value); value = this.#wanted) {
      this.#sent = value;
      await this.#command(value);
    }
    if (!this.#remembers) this.#sent = undefined;
    this.#busy = false;
  }

  #isSent(value: T): boolean {
    return this.#sent !== undefined && this.#same(this.#sent, value);
  }
}
