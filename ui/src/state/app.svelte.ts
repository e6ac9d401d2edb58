import { openBackend } from '../backend';
import { toUserError, type Backend, type Entry } from '../backend/backend';
import type { Pictures } from '../backend/pictures';
import type { DeviceState, Opening, RoomPeek, RoomTarget, Settings, ShareChoice, UserError } from '../backend/types';
import type { ShownError } from '../i18n/errors';
import { findRoom, type Found } from './finding';
import { LatestWins } from './latest';
import { initial, type Action, type AppState, type Panel } from './model';
import { outsideCall } from './outside-call';
import { poll } from './polling';
import { awaitedFor } from './presence';
import { reduce } from './reducer';
import { keepZoom, keptZoom, zoomed, type ZoomChange } from './zoom';
import { NO_REHEARSAL, rehearsalRequest, sameRehearsal, triesAny, type RehearsalRequest, type Section } from './rehearsal';

/** How long the copy button says that it copied, in milliseconds. */
const COPIED_SHOWN = 2_000;
/** Time between two questions of the lobby who is in the call, in milliseconds. */
const PEEK_INTERVAL = 4_000;

type Device = 'mic' | 'camera';

const OFF: DeviceState = { state: 'off' };

/** What fills the window. */
export type Scene = 'unavailable' | 'opening' | 'home' | 'unknown' | 'lobby' | 'joining' | 'call';

/** The app: the reducer's state, the commands, and what a person has typed and not sent yet. Outlives every view. */
export class App {
  state: AppState = $state.raw(initial);
  // The state is replaced ten times a second by levels. Each part on its own changes only when it does, and with it what
  // is drawn.
  readonly ready = $derived(this.state.ready);
  readonly callState = $derived(this.state.callState);
  readonly call = $derived(this.state.call);
  readonly settings = $derived(this.state.settings);
  readonly version = $derived(this.state.version);
  readonly panel = $derived(this.state.panel);
  readonly unread = $derived(this.state.unread);
  readonly speaking = $derived(this.state.speaking);
  readonly stats = $derived(this.state.stats);
  readonly notices = $derived(this.state.notices);
  readonly announcements = $derived(this.state.announcements);
  readonly openLink = $derived(this.state.openLink);
  readonly ownIds = $derived(this.state.ownIds);
  readonly ownLevel = $derived(this.state.ownLevel);
  readonly mutedSpeech = $derived(this.state.mutedSpeech);
  readonly devices = $derived(this.state.devices);
  readonly met = $derived(this.state.met);
  readonly rehearsal = $derived(this.state.rehearsal);
  /** Set when the backend could not be reached at all. */
  backendError: UserError | null = $state.raw(null);
  /** Why the last start or join failed. */
  homeError: ShownError | null = $state.raw(null);
  /** Name of the room that a pending join goes to; empty for a start. */
  joiningRoom: string = $state('');
  starting: boolean = $state(false);
  /** Own name as typed; null until touched. */
  typedName: string | null = $state(null);
  link: string = $state('');
  /** What the text of the link field leads to, or led to before it was changed last. */
  found: Found | null = $state.raw(null);
  /** Token for the server of the lobby, as typed. */
  token: string = $state('');
  chatDraft: string = $state('');
  chatError: UserError | null = $state.raw(null);
  copied: boolean = $state(false);
  /** Commands on their way; a control shows that it is still syncing. */
  pending: Record<Device, boolean> = $state({ mic: false, camera: false });
  /** What is wanted of a device while a command is on its way. */
  readonly #switches: Record<Device, LatestWins<boolean>> = { mic: this.#switch('mic'), camera: this.#switch('camera') };
  #wanted: Partial<Record<Device, boolean>> = {};
  settingsOpen: boolean = $state(false);
  /** Why what was changed last in the open settings is not saved. */
  unsaved: UserError | null = $state.raw(null);
  /** The section of the settings that was looked at last. */
  section: Section = $state('audio');
  /** The settings show the camera although nothing else does. */
  showCamera: boolean = $state(false);
  /** The room that the lobby leads to; null elsewhere. */
  lobby: RoomTarget | null = $state.raw(null);
  /** A room on a server that one does not know: it is asked nothing, and no device is tried, before the person agrees. */
  unknown: RoomTarget | null = $state.raw(null);
  /** Who is in there already; null if nobody tells. */
  roomPeek: RoomPeek | null = $state.raw(null);
  /** Why the call can't be joined, as far as its server says before one tries. */
  peekError: ShownError | null = $state.raw(null);
  shareOpen: boolean = $state(false);
  /** What can be shared is being listed. */
  shareLooking: boolean = $state(false);
  /** What can be shared, or why that can't be told; as of the last list. */
  shareChoice: ShareChoice | UserError | null = $state.raw(null);
  /** Pixels at the top of a call that its banners take; notices stay below them. */
  bannersHeight = $state(0);
  /** Pixels that notices take, which have a row of their own where a call has no room beside the faces. */
  noticesHeight = $state(0);
  /** False while the pictures' connection is down. */
  picturesConnected: boolean = $state(true);
  pictures: Pictures | null = $state.raw(null);
  readonly scene: Scene = $derived.by(() => {
    if (this.backendError) return 'unavailable';
    if (!this.ready) return 'opening';
    if (this.call && this.callState !== 'joining') return 'call';
    if (this.starting || this.callState === 'joining') return 'joining';
    if (this.unknown) return 'unknown';
    return this.lobby === null ? 'home' : 'lobby';
  });
  /** Which devices are to be tried. */
  readonly rehearsalRequest: RehearsalRequest = $derived.by(() => {
    const settings = this.settingsOpen ? { section: this.section, camera: this.showCamera } : null;
    return rehearsalRequest(this.scene === 'lobby' ? this.#entry : null, settings, this.call !== null);
  });

  readonly #showsPictures: boolean;
  #backend: Backend | null = null;
  readonly #rehearsals = new LatestWins<RehearsalRequest>((request) => this.#tryDevices(request), NO_REHEARSAL, sameRehearsal);
  /** The saving of settings that began last; never rejects. */
  #saving: Promise<unknown> = Promise.resolve();
  #copiedTimer: ReturnType<typeof setTimeout> | undefined;
  #awaitedTimer: ReturnType<typeof setTimeout> | undefined;
  #zoom = 1;

  /** `pictures`: false in a window that shows none. */
  constructor({ pictures = true } = {}) {
    this.#showsPictures = pictures;
  }

  get name(): string {
    return this.typedName ?? this.state.settings.name;
  }

  async open(): Promise<void> {
    this.backendError = null;
    try {
      const backend = await openBackend();
      this.#backend = backend;
      if (this.#showsPictures && keptZoom() !== 1) this.#setZoom(keptZoom());
      if (this.#showsPictures) this.pictures = backend.openPictures((connected) => (this.picturesConnected = connected));
      await backend.subscribe((event) => this.dispatch(event));
    } catch (error) {
      this.backendError = toUserError(error);
    }
  }

  dispatch(action: Action): void {
    const before = this.state;
    this.state = reduce(before, action, Date.now());
    if (this.state.call && !before.call) {
      this.pictures?.start();
      // Only now is the link used up; whoever stops joining finds it where it was.
      this.link = '';
      this.found = null;
      this.lobby = null;
      this.unknown = null;
      this.chatError = null;
    }
    if (this.state.awaited !== before.awaited || this.state.callState !== before.callState) this.#awaitReturns();
    if (!this.state.call && before.call) {
      this.pictures?.stop();
      this.picturesConnected = true;
      this.copied = false;
      this.shareOpen = false;
    }
  }

  /** People who went with the server's outage and are not back in time have left. */
  #awaitReturns(): void {
    clearTimeout(this.#awaitedTimer);
    const wait = awaitedFor(this.state, Date.now());
    if (wait !== null) this.#awaitedTimer = setTimeout(() => this.dispatch({ type: 'ui-awaited-over' }), wait);
  }

  startCall(): Promise<void> {
    return this.#enter('', (backend) => backend.startCall(this.name.trim(), this.#entry));
  }

  joinCall({ link, room }: RoomTarget): Promise<void> {
    return this.#enter(room, (backend) => backend.joinCall(link, this.#typedToken, this.name.trim(), this.#entry));
  }

  get #typedToken(): string | null {
    return this.token.trim() || null;
  }

  /** Finds out what a text leads to. */
  findRoom(text: string): Promise<Found> {
    return this.#backend ? findRoom(this.#backend, text) : Promise.resolve({ text, room: null, error: null });
  }

  /** Brings `found` up to the text of the link field. */
  async lookAtLink(): Promise<void> {
    const text = this.link;
    const found = text.trim() ? await this.findRoom(text) : null;
    if (this.link === text) this.found = found;
  }

  /** Opens the lobby of the room to which the text of the link field leads; says why if there is none. */
  async openTyped(): Promise<void> {
    await this.lookAtLink();
    if (this.found?.room) this.enterLobby(this.found.room);
  }

  /** Opens the lobby of a room that one was in before. */
  async openRecent(link: string): Promise<void> {
    const { room, error } = await this.findRoom(link);
    if (room) this.enterLobby(room);
    else if (error) this.homeError = error;
  }

  /** Takes up what the app was asked to open. */
  takeOpening({ text, room, name, error }: Opening): void {
    this.leaveLobby();
    this.link = text;
    if (name !== null) this.typedName = name;
    if (room?.known) this.enterLobby(room);
    else this.unknown = room;
    this.homeError = error && outsideCall(error);
  }

  /** The person agrees to a server that one does not know. */
  acceptServer(): void {
    if (this.unknown) this.enterLobby(this.unknown);
  }

  /** What is on when a call begins: as it was last time. */
  get #entry(): Entry {
    return { mic: this.state.settings.micOn, camera: this.state.settings.cameraOn };
  }

  /** Opens the lobby of a call: devices are tried there before one is seen and heard. */
  enterLobby(room: RoomTarget): void {
    this.homeError = null;
    this.roomPeek = null;
    this.peekError = null;
    this.unknown = null;
    this.token = '';
    this.lobby = room;
  }

  leaveLobby(): void {
    this.lobby = null;
    this.unknown = null;
    this.homeError = null;
  }

  /** Keeps `roomPeek` up to date until the function it returns is called. */
  watchRoom(link: string): () => void {
    return poll(() => this.#peek(link), PEEK_INTERVAL);
  }

  async #peek(link: string): Promise<void> {
    let [peek, problem]: [RoomPeek | null, ShownError | null] = [null, null];
    try {
      peek = (await this.#backend?.peekRoom(link, this.#typedToken)) ?? null;
    } catch (cause) {
      problem = outsideCall(toUserError(cause));
    }
    if (this.lobby?.link !== link) return;
    this.roomPeek = peek;
    this.peekError = problem;
    // What joining said of the server is not true any more.
    if (peek && this.homeError?.code === 'server-unreachable') this.homeError = null;
  }

  openSettings(): void {
    this.showCamera = false;
    this.settingsOpen = true;
    this.unsaved = null;
    void this.listDevices();
  }

  /** Reads the list of devices; later changes arrive by themselves while it is looked at. */
  async listDevices(): Promise<void> {
    await this.#run(async (backend) => this.dispatch({ type: 'devices', devices: await backend.listDevices() }));
  }

  /** Tries devices; with neither, gives them back. */
  rehearse(request: RehearsalRequest): void {
    void this.#rehearsals.want(request);
  }

  /** Opens once more what is tried and failed. */
  rehearseAgain(): void {
    void this.#rehearsals.again();
  }

  async #tryDevices(wanted: RehearsalRequest): Promise<void> {
    const backend = this.#backend;
    if (!backend) return;
    if (!this.state.call) {
      if (wanted.camera) this.pictures?.start();
      else this.pictures?.stop();
    }
    try {
      if (triesAny(wanted)) await backend.startRehearsal({ microphone: wanted.microphone, camera: wanted.camera });
      else await backend.stopRehearsal();
    } catch (cause) {
      const state: DeviceState = { state: 'failed', error: toUserError(cause) };
      this.dispatch({ type: 'rehearsal', rehearsal: { microphone: wanted.microphone ? state : OFF, camera: wanted.camera ? state : OFF } });
    }
    if (!triesAny(wanted)) this.dispatch({ type: 'ui-rehearsal-over' });
  }

  /** Plays a sound on the chosen speaker; over when it has ended, with what kept it from being heard. */
  async playTestSound(): Promise<ShownError | null> {
    try {
      await this.#backend?.playTestSound();
      return null;
    } catch (cause) {
      const error = toUserError(cause);
      return this.state.call ? error : outsideCall(error);
    }
  }

  /** Lists what can be shared. */
  async lookForShares(): Promise<void> {
    if (this.shareLooking) return;
    this.shareLooking = true;
    this.shareChoice = (await this.#backend?.listShareSources().catch(toUserError)) ?? null;
    this.shareLooking = false;
  }

  /** Lists what can be shared, then lets one choose: the small pictures show the screen without the choice on it. */
  async openShare(): Promise<void> {
    if (this.shareOpen || this.shareLooking) return;
    await this.lookForShares();
    if (this.state.call && !this.state.call.me.share) this.shareOpen = true;
  }

  /** Shares, and closes the choice; answers with what kept it from doing so. */
  async startShare(id: string, sound: boolean): Promise<UserError | null> {
    try {
      await this.#backend?.startShare(id, sound);
      this.shareOpen = false;
      return null;
    } catch (cause) {
      return toUserError(cause);
    }
  }

  async stopShare(): Promise<void> {
    await this.#run((backend) => backend.stopShare());
  }

  /** Shares, or stops sharing. */
  async toggleShare(): Promise<void> {
    if (this.state.call?.me.share) await this.stopShare();
    else await this.openShare();
  }

  async setPeerVolume(id: string, volume: number): Promise<void> {
    await this.#run((backend) => backend.setPeerVolume(id, volume));
  }

  async setMutedForMe(id: string, muted: boolean): Promise<void> {
    await this.#run((backend) => backend.setMutedForMe(id, muted));
  }

  async #enter(room: string, command: (backend: Backend) => Promise<void>): Promise<void> {
    if (!this.#backend || this.starting) return;
    this.homeError = null;
    this.joiningRoom = room;
    this.starting = true;
    try {
      await command(this.#backend);
    } catch (error) {
      this.homeError = outsideCall(toUserError(error));
    } finally {
      this.starting = false;
    }
  }

  /** Leaves the call, or gives up joining one. */
  async leave(): Promise<void> {
    await this.#run((backend) => backend.leaveCall());
  }

  async toggle(device: Device): Promise<void> {
    const me = this.state.call?.me;
    if (!me) return;
    const { state } = me[device];
    // A press while the last one is on its way is meant, too: it takes that one back.
    const on = this.#wanted[device] === undefined ? state === 'off' || state === 'failed' : !this.#wanted[device];
    this.#wanted[device] = on;
    this.pending[device] = true;
    await this.#switches[device].want(on);
    this.#wanted[device] = undefined;
    this.pending[device] = false;
  }

  #switch(device: Device): LatestWins<boolean> {
    return new LatestWins(async (on) => {
      await this.#run((backend) => (device === 'mic' ? backend.setMic(on) : backend.setCamera(on)));
    });
  }

  /** Asks whether there is a server at an address; answers with the whole address, or why there is none. */
  async checkServer(address: string, token: string | null): Promise<{ address: string } | { error: UserError }> {
    try {
      return { address: (await this.#backend?.checkServer(address, token)) ?? address };
    } catch (cause) {
      return { error: outsideCall(toUserError(cause)) };
    }
  }

  togglePanel(panel: Panel): void {
    this.dispatch({ type: 'ui-panel', panel: this.state.panel === panel ? null : panel });
  }

  /** Sends the draft; it comes back if it could not be sent. */
  async sendChat(): Promise<void> {
    const text = this.chatDraft.trim();
    if (!this.#backend || !text) return;
    this.chatDraft = '';
    this.chatError = null;
    try {
      await this.#backend.sendChat(text);
    } catch (error) {
      this.chatError = toUserError(error);
      this.chatDraft = this.chatDraft ? `${text}\n${this.chatDraft}` : text;
    }
  }

  async copyLink(): Promise<void> {
    if (!(await this.#run((backend) => backend.copyLink()))) return;
    this.dispatch({ type: 'ui-copied' });
    this.copied = true;
    clearTimeout(this.#copiedTimer);
    this.#copiedTimer = setTimeout(() => (this.copied = false), COPIED_SHOWN);
  }

  /** Draws everything larger or smaller. */
  zoom(change: ZoomChange): void {
    const factor = zoomed(this.#zoom, change);
    if (factor === this.#zoom) return;
    keepZoom(factor);
    this.#setZoom(factor);
  }

  #setZoom(factor: number): void {
    this.#zoom = factor;
    void this.#run((backend) => backend.setZoom(factor));
  }

  async openExternal(url: string): Promise<void> {
    await this.#run((backend) => backend.openExternal(url));
  }

  /** Changes settings at once; says so where that fails: in the settings, or if they are closed in a notice. */
  async changeSettings(change: Partial<Settings>): Promise<void> {
    const error = await this.saveSettings(change);
    if (!error) return;
    if (this.settingsOpen) this.unsaved = error;
    else this.dispatch({ type: 'ui-error', error, urgent: true });
  }

  /**
   * Saves settings; answers with the error that kept it from doing so. One change waits for the one before: all settings are
   * saved together, and none may undo another.
   */
  saveSettings(change: Partial<Settings>): Promise<UserError | null> {
    this.unsaved = null;
    const saved = this.#saving.then(() => this.#save(change));
    this.#saving = saved;
    return saved;
  }

  async #save(change: Partial<Settings>): Promise<UserError | null> {
    if (!this.#backend) return null;
    try {
      const settings = await this.#backend.saveSettings({ ...this.state.settings, ...change });
      this.dispatch({ type: 'settings', settings });
      this.dispatch({ type: 'ui-saved' });
      return null;
    } catch (error) {
      return toUserError(error);
    }
  }

  /** Runs a command whose failure is shown as a notice; true if it worked. */
  async #run(command: (backend: Backend) => Promise<unknown>): Promise<boolean> {
    if (!this.#backend) return false;
    try {
      await command(this.#backend);
      return true;
    } catch (failure) {
      this.dispatch({ type: 'ui-error', error: toUserError(failure), urgent: true });
      return false;
    }
  }
}
