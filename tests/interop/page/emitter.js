/** Listeners by event name. A listener that throws does not keep the event from the others. */
export class Emitter {
  #listeners = new Map();
  #pipes = [];

  on(event, listener) {
    const listeners = this.#listeners.get(event) ?? [];
    this.#listeners.set(event, [...listeners, listener]);
    return this;
  }

  once(event, listener) {
    const heard = (...args) => {
      this.off(event, heard);
      listener(...args);
    };
    return this.on(event, heard);
  }

  off(event, listener) {
    const listeners = this.#listeners.get(event) ?? [];
    this.#listeners.set(event, listeners.filter((known) => known !== listener));
    return this;
  }

  /** Hears every event, after its listeners. */
  pipe(listener) {
    this.#pipes.push(listener);
  }

  fire(event, ...args) {
    this.#call(event, this.#listeners.get(event) ?? [], args);
    this.#call(event, this.#pipes, [event, ...args]);
  }

  #call(event, listeners, args) {
    for (const listener of listeners) {
      try {
        listener(...args);
      } catch (error) {
        console.error(`a listener of ${event} failed`, error);
      }
    }
  }
}
