import type { Entry, Rehearsal } from '../backend/backend';

/** A section of the settings. */
export type Section = 'audio' | 'video' | 'general' | 'network';

/** What is to be tried, and whether a call tries it: a rehearsal ends where a call begins or ends. */
export interface Wish extends Rehearsal {
  inCall: boolean;
}

/** What the lobby shows, while one stands there. */
type Lobby = Entry | null;
/** The section of the settings that is looked at, while they are open, and whether it is to show the camera. */
type Looked = { section: Section; camera: boolean } | null;

/** What is to be tried: what the lobby shows goes on while the settings are open, which may add to it. */
export function wish(lobby: Lobby, settings: Looked, inCall: boolean): Wish {
  return {
    microphone: lobby?.mic === true || settings?.section === 'audio',
    camera: lobby?.camera === true || (settings?.section === 'video' && settings.camera),
    inCall,
  };
}

/** Has devices tried by one command at a time, so that none overtakes another. Of several wishes meanwhile the last counts. */
export class Rehearsing {
  readonly #command: (wish: Wish) => Promise<void>;
  #wanted: Wish = { microphone: false, camera: false, inCall: false };
  /** What the last command asked for; null if it is to be asked again. */
  #asked: Wish | null = this.#wanted;
  #busy = false;

  /** `command` never rejects; a wish for nothing gives the devices back. */
  constructor(command: (wish: Wish) => Promise<void>) {
    this.#command = command;
  }

  want(wish: Wish): void {
    this.#wanted = wish;
    void this.#settle();
  }

  /** Asks for the same once more: a device that failed is opened again. */
  again(): void {
    this.#asked = null;
    void this.#settle();
  }

  async #settle(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    while (!this.#asked || !same(this.#asked, this.#wanted)) {
      this.#asked = this.#wanted;
      await this.#command(this.#asked);
    }
    this.#busy = false;
  }
}

/** True if `wish` is for any device. */
export function any({ microphone, camera }: Rehearsal): boolean {
  return microphone || camera;
}

function same(one: Wish, other: Wish): boolean {
  return one.microphone === other.microphone && one.camera === other.camera && (one.inCall === other.inCall || !any(one));
}
