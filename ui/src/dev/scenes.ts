import { initial } from '../state/model';
import type { CallView, ChatMessage, DeviceList, ErrorCode, Opening, Participant, RehearsalView, RoomPeek, RoomTarget, Settings, ShareChoice, Snapshot, UiEvent, UserError } from '../backend/types';

/** Scenes by URL hash (`#call-3`), for looking at the user interface without a backend. */

export interface Scene {
  snapshot: Snapshot;
  /** Events after it, each with its delay in milliseconds. */
  events?: [number, UiEvent][];
  /** Tracks with a picture. */
  pictures?: number[];
  portrait?: boolean;
  /** Reject starting and joining with this. */
  refuse?: UserError;
  /** Who is already in the room of a link, the last answer for good; none if its server does not tell. */
  inside?: RoomPeek[];
  /** Why one can't join, per question who is inside, the last one for good; null if one can. */
  closed?: (UserError | null)[];
  /** What one can share; an error if that can't be told. */
  choice?: ShareChoice | UserError;
  /** The devices there are, if not the usual ones. */
  devices?: DeviceList;
  /** Reject sharing with this. */
  unshared?: UserError;
  /** Reject the sound that tries a speaker with this. */
  unheard?: UserError;
  /** Reject saving settings with this. */
  unsaved?: UserError;
  /** What trying the devices comes to, if not that they work. */
  trouble?: RehearsalView;
  /** Never answer starting and joining. */
  hang?: boolean;
}

const HOUR = 3_600_000;
const LINK = 'http://192.168.1.20:7420/r/lusab-babad-gutih-tugad';
const NAMES = ['Ben Okafor', 'Chiara Lombardi', 'Dmitri Volkov', 'Eun-ji Park', 'Farah Nasser', 'Gus', 'Hanna Virtanen', 'Ibrahim Kaya'];

const LONG_NAME = 'Maximiliane-Theodora von und zu Hohenfels-Wartenberg the Third';

const settings = (more: Partial<Settings> = {}): Settings => ({ ...initial.settings, name: 'Ana Ruiz', ...more });
const recent = (now: number) => [
  { link: LINK, at: now - 4 * 60_000 },
  { link: 'https://meet.example.org/r/weekly-planning', at: now - 26 * HOUR },
  { link: 'https://meet.example.org/r/pudul-rogap-zitor-fimud', at: now - 6 * 24 * HOUR },
];

const person = (index: number, more: Partial<Participant> = {}): Participant => ({
  id: `p${index}`,
  name: NAMES[index - 1] ?? `Guest ${index}`,
  state: 'connected',
  media: { mic: index % 3 !== 2, cam: true },
  tracks: [
    { handle: index, kind: 'video', stream: `s${index}`, event: 'camera', refused: null },
    { handle: 100 + index, kind: 'audio', stream: `s${index}`, event: 'camera', refused: null },
  ],
  volume: 100,
  mutedForMe: false,
  ...more,
});

const people = (count: number): Participant[] => Array.from({ length: count }, (_, index) => person(index + 1));

const call = (more: Partial<CallView> = {}): CallView => ({
  link: LINK,
  room: 'lusab-babad-gutih-tugad',
  me: { id: 'me', name: 'Ana Ruiz', mic: { state: 'on' }, camera: { state: 'on' }, speaker: { state: 'on' }, share: null },
  participants: [],
  chat: [],
  activeSpeaker: null,
  ...more,
});

const inCall = (view: CallView, more: Partial<Snapshot> = {}): Snapshot => ({
  state: 'in-call',
  call: view,
  settings: settings(),
  version: '0.1.0',
  ...more,
});

const idle = (more: Partial<Settings> = {}): Snapshot => ({ state: 'idle', call: null, settings: settings(more), version: '0.1.0' });

const handles = (count: number) => Array.from({ length: count + 1 }, (_, index) => index);

const scene = (count: number, view: Partial<CallView> = {}): Scene => ({
  choice,
  snapshot: inCall(call({ participants: people(count), ...view })),
  pictures: handles(count),
  events: [...talking(['p1']), [200, { type: 'active-speaker', id: 'p1' }], [300, { type: 'stats', peers: people(count).map((them, index) => stats(them.id, index)) }]],
});

const stats = (id: string, index: number) => ({
  id,
  frames: 900,
  width: 1280,
  height: 720,
  fps: 30,
  bitrate: 1_400_000,
  rttMs: 18 + index * 31,
  loss: index === 2 ? 0.045 : 0.001,
  audioLevel: 0.1,
  connection: index === 1 ? 'relay' : 'host',
});

const PLANNING: RoomTarget = { link: 'https://meet.example.org/r/weekly-planning', host: 'meet.example.org', room: 'weekly-planning', private: true, known: true };
const opening = (more: Partial<Opening> = {}): UiEvent => ({ type: 'open-link', opening: { text: PLANNING.link, room: PLANNING, name: null, error: null, ...more } });
const asked: [number, UiEvent] = [50, opening()];

function talking(ids: string[]): [number, UiEvent][] {
  return Array.from({ length: 600 }, (_, index) => [100 + index * 100, { type: 'levels', levels: ids.map((id) => [id, 0.12]) }]);
}

const error = (code: ErrorCode, detail?: string, params?: Record<string, string>): UserError => ({ code, ...(detail && { detail }), ...(params && { params }) });
const busy = error('camera-busy', 'v4l2: Device or resource busy (os error 16)');
const noMic = error('microphone-missing');
const noCamera = error('camera-missing');
const noSound = error('no-sound-server', 'connection refused');
const noSpeaker = error('speaker-missing');

/** Devices of a usual laptop with a headset. */
export const devices: DeviceList = {
  microphones: [
    { id: 'alsa_input.pci', name: 'Built-in Microphone' },
    { id: 'alsa_input.usb', name: 'Jabra Evolve2 65 Headset Mono' },
  ],
  speakers: [
    { id: 'alsa_output.pci', name: 'Built-in Speakers' },
    { id: 'alsa_output.usb', name: 'Jabra Evolve2 65 Headset Analog Stereo' },
    { id: 'alsa_output.hdmi', name: 'HDMI / DisplayPort 2' },
  ],
  cameras: [{ id: '/dev/video0', name: 'Integrated Camera' }],
  defaultMicrophone: 'alsa_input.pci',
  defaultSpeaker: 'alsa_output.pci',
  defaultCamera: '/dev/video0',
};

const none: DeviceList = { microphones: [], speakers: [], cameras: [], defaultMicrophone: null, defaultSpeaker: null, defaultCamera: null };

/** More devices than a list shows, with the names that drivers give. */
const many = (): DeviceList => {
  const named = (kind: string) =>
    Array.from({ length: 14 }, (_, index) => ({ id: `${kind}${index}`, name: `Family 17h/19h HD Audio Controller ${kind} ${index + 1} (rear panel, Analog Stereo)` }));
  const [microphones, speakers, cameras] = [named('Line In'), named('Headphones'), named('Capture')];
  return { microphones, speakers, cameras, defaultMicrophone: 'Line In3', defaultSpeaker: 'Headphones0', defaultCamera: 'Capture0' };
};

/** A drawing that stands for what a screen or window shows. */
function drawn(width: number, height: number, hue: number): string {
  const bars = Array.from({ length: 6 }, (_, row) => `<rect x="6" y="${12 + row * 7}" width="${40 + ((row * 37) % 45)}" height="3" rx="1.5" fill="hsl(${hue} 20% 70%)"/>`).join('');
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${(100 * width) / height} 62" preserveAspectRatio="xMidYMid slice"><rect width="200" height="62" fill="hsl(${hue} 25% 22%)"/><rect width="200" height="7" fill="hsl(${hue} 30% 34%)"/>${bars}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

const source = (kind: 'screen' | 'window', index: number, title: string, width = 1920, height = 1080) => ({
  id: `${kind}:${index}`,
  kind,
  title,
  width,
  height,
  thumbnail: index === 4 ? null : drawn(width, height, 200 + index * 47),
});

const choice: ShareChoice = {
  sources: [
    source('screen', 0, 'Built-in display'),
    source('screen', 1, 'Dell U2720Q', 3840, 2160),
    source('window', 1, 'Quarterly numbers.ods — LibreOffice Calc', 1400, 900),
    source('window', 2, 'Inbox', 900, 1000),
    source('window', 3, 'confab: main.rs — a very long window title that does not fit', 1280, 800),
    source('window', 4, 'Terminal', 800, 500),
  ],
  sound: true,
};

const crowded: ShareChoice = {
  sources: [source('screen', 0, 'Built-in display'), ...Array.from({ length: 23 }, (_, index) => source('window', index + 1, `Window ${index + 1} of somebody who never closes one`))],
  sound: false,
};

const LINES = [
  'Morning! Can everyone hear me?',
  'Loud and clear',
  'I put the agenda here: https://notes.example.org/planning/2026-w47, have a look before we start',
  'Three things today:\n1. the release\n2. who answers the phone next week\n3. lunch',
  '👍',
  'The numbers from last night look good, about a third of what we had before. I will write up how we measured it and send it round this afternoon.',
  'Averyveryverylongwordthatdoesnotwrapbyitselfbecausesomebodypastedatokenintothechat0123456789abcdef0123456789abcdef',
  'ok',
];

function chat(count: number, now: number): ChatMessage[] {
  return Array.from({ length: count }, (_, index) => {
    const who = Math.floor(index / 2) % 4;
    return {
      id: `m${index}`,
      from: who === 0 ? 'Ana Ruiz' : (NAMES[who - 1] ?? ''),
      author: who === 0 ? 'me' : `p${who}`,
      text: LINES[index % LINES.length]!,
      at: now - (count - index) * 95_000,
    };
  });
}

export function scenes(now: number): Record<string, () => Scene> {
  const withMe = (me: Partial<CallView['me']>, count: number) => scene(count, { me: { ...call().me, ...me } });
  return {
    home: () => ({ snapshot: idle({ recent: recent(now) }), pictures: [0] }),
    'home-first': () => ({ snapshot: idle({ name: '' }) }),
    'home-error': () => ({
      snapshot: idle({ recent: recent(now) }),
      refuse: error('server-unreachable', 'tcp connect 192.168.1.20:7420: Connection refused'),
    }),
    joining: () => ({ snapshot: idle(), hang: true }),
    lobby: () => ({ snapshot: idle(), inside: [{ count: 3, names: ['Ben Okafor', 'Chiara Lombardi'] }], pictures: [0], events: [asked] }),
    'lobby-first': () => ({ snapshot: idle({ name: '' }), pictures: [0], events: [asked] }),
    'lobby-off': () => ({ snapshot: idle({ micOn: false, cameraOn: false }), inside: [{ count: 0, names: [] }, { count: 1, names: ['Ben Okafor'] }, { count: 2, names: ['Ben Okafor', 'Chiara Lombardi'] }], events: [asked] }),
    'lobby-trouble': () => ({
      snapshot: idle(),
      trouble: { microphone: { state: 'failed', error: noMic }, camera: { state: 'failed', error: busy } },
      refuse: error('room-full'),
      events: [asked],
    }),
    'lobby-silent': () => ({ snapshot: idle(), unheard: noSound, pictures: [0], events: [asked] }),
    'lobby-bare': () => ({
      snapshot: idle(),
      devices: none,
      trouble: { microphone: { state: 'failed', error: noMic }, camera: { state: 'failed', error: noCamera } },
      inside: [{ count: 1, names: [LONG_NAME] }],
      events: [asked],
    }),
    'lobby-many': () => ({ snapshot: idle(), devices: many(), inside: [{ count: 14, names: [LONG_NAME, 'Chiara Lombardi'] }], pictures: [0], events: [asked] }),
    'lobby-away': () => ({
      snapshot: idle(),
      closed: [error('server-unreachable', 'tcp connect: Connection refused'), null],
      inside: [{ count: 1, names: ['Ben Okafor'] }],
      pictures: [0],
      events: [asked],
    }),
    'lobby-closed': () => ({ snapshot: idle(), closed: [error('room-closed')], pictures: [0], events: [asked] }),
    unsaved: () => ({ snapshot: idle(), unsaved: error('settings-not-saved', 'No space left on device (os error 28)'), pictures: [0] }),
    'share-system': () => ({ ...scene(2), unshared: error('share-cancelled'), choice: { sources: [{ id: 'screen', kind: 'system', title: 'Screen or window', width: 0, height: 0, thumbnail: null }], sound: true } }),
    'share-empty': () => ({ ...scene(2), choice: { sources: [], sound: false } }),
    'share-many': () => ({ ...scene(2), choice: crowded }),
    'share-refused': () => ({ ...scene(2), choice: error('screen-unsupported', 'no X server: DISPLAY is not set') }),
    'share-failed': () => ({ ...scene(2), unshared: error('screen-failed') }),
    'share-starting': () => withMe({ share: { title: 'Inbox', capture: { state: 'starting' }, paused: false, sound: false } }, 2),
    volumes: () => scene(4, { participants: people(4).map((them, index) => ({ ...them, volume: [100, 165, 20, 0][index]!, mutedForMe: index === 1 })) }),
    sharing: () => withMe({ share: { title: 'Quarterly numbers.ods — LibreOffice Calc', capture: { state: 'on' }, paused: false, sound: false } }, 2),
    'sharing-paused': () => withMe({ share: { title: 'Inbox', capture: { state: 'on' }, paused: true, sound: false } }, 2),
    'sharing-busy': () => ({
      ...withMe({ share: { title: 'Screen 1', capture: { state: 'on' }, paused: false, sound: false } }, 2),
      events: [
        [200, { type: 'notice', notice: { urgent: false, error: error('computer-busy') } }],
      ],
    }),
    alone: () => ({ ...scene(0), events: [] }),
    'alone-anywhere': () => ({ ...scene(0, { link: 'https://meet.example.org/r/pudul-rogap-zitor-fimud' }), events: [] }),
    'alone-here': () => ({ ...scene(0, { link: 'http://127.0.0.1:7420/r/pudul-rogap-zitor-fimud' }), events: [] }),
    'alone-again': () => ({ ...scene(1), events: [[300, { type: 'peer-disconnect', id: 'p1' }]] }),
    'alone-no-camera': () => withMe({ camera: { state: 'failed', error: busy } }, 0),
    'call-2': () => scene(1),
    'call-2-portrait': () => ({ ...scene(1), portrait: true }),
    'call-2-off': () => ({ ...scene(1, { participants: [person(1, { media: { mic: false, cam: false } })], me: { ...call().me, camera: { state: 'off' } } }), events: [] }),
    'call-3': () => scene(2),
    'call-4': () => scene(3),
    'call-5': () => scene(4),
    'call-9': () => scene(8),
    'long-names': () => {
      const view = scene(4);
      view.snapshot.call?.participants.forEach((them, index) => (them.name = index % 2 ? '李小龍 · 開発チーム' : LONG_NAME));
      return view;
    },
    'no-video': () => scene(4, { participants: people(4).map((them) => ({ ...them, media: { mic: true, cam: false } })), me: { ...call().me, camera: { state: 'off' } } }),
    chat: () => {
      const view = scene(3, { chat: chat(41, now) });
      return { ...view, events: [...(view.events ?? []), [200, { type: 'chat', message: { id: 'x', from: 'Ben Okafor', author: 'p1', text: 'See you at three', at: now } }]] };
    },
    'chat-empty': () => scene(1),
    unread: () => ({ ...scene(2), events: [0, 1, 2].map((n) => [200, { type: 'chat', message: { id: `u${n}`, from: 'Ben Okafor', author: 'p1', text: 'Are you there?', at: now + n } }]) }),
    states: () => ({
      ...scene(4, {
        participants: [
          person(1, { state: 'connecting', media: null, tracks: [] }),
          person(2, { state: 'reconnecting' }),
          person(3),
          person(4, { media: { mic: false, cam: false } }),
        ],
        me: { ...call().me, mic: { state: 'failed', error: noMic }, camera: { state: 'failed', error: busy } },
      }),
    }),
    reconnecting: () => ({ ...scene(1), events: [[1500, { type: 'peer-state', id: 'p1', state: 'reconnecting' }]] }),
    'server-lost': () => ({ ...scene(2), events: [[200, { type: 'call-state', state: 'server-lost' }]] }),
    'no-sound': () => withMe({ speaker: { state: 'failed', error: noSpeaker }, mic: { state: 'failed', error: noMic } }, 1),
    restart: () => ({
      ...scene(2),
      events: [
        [200, { type: 'call-state', state: 'server-lost' }],
        [300, { type: 'peer-disconnect', id: 'p1' }],
        [400, { type: 'call-state', state: 'in-call' }],
        [500, { type: 'peer-connecting', participant: person(1, { id: 'again', state: 'connecting' }) }],
        [600, { type: 'peer-connect', participant: person(1, { id: 'again' }) }],
      ],
    }),
    'mic-missing': () => ({
      ...withMe({ mic: { state: 'on' } }, 2),
      events: [
        [200, { type: 'me', me: { ...call().me, mic: { state: 'failed', error: noMic } } }],
      ],
    }),
    spoofed: () => ({
      ...scene(2),
      events: [[200, { type: 'chat', message: { id: 's', from: 'Ben Okafor', author: 'p1', text: 'See \u202ehttps://evil.example/gpj.tset\u202c and https://bank.example@evil.example/x', at: now } }]],
    }),
    'muted-hint': () => ({ ...withMe({ mic: { state: 'off' } }, 2), events: [[300, { type: 'speaking-while-muted' }]] }),
    notices: () => ({
      ...scene(2),
      events: [
        [200, { type: 'notice', notice: { urgent: true, error: error('peer-unreachable', 'ICE failed with p7 after 30 s', { name: 'Farah Nasser' }) } }],
        [250, { type: 'notice', notice: { urgent: false, error: busy } }],
      ],
    }),
    arrivals: () => ({ ...scene(1), events: [[400, { type: 'peer-connect', participant: person(2) }], [900, { type: 'peer-disconnect', id: 'p1' }]], pictures: handles(2) }),
    'long-arrival': () => ({ ...scene(1), events: [[300, { type: 'peer-connect', participant: person(2, { name: LONG_NAME }) }]], pictures: handles(2) }),
    screen: () => {
      const view = scene(2);
      view.snapshot.call?.participants[0]?.tracks.push({ handle: 50, kind: 'video', stream: 'screen', event: 'screen', refused: null });
      return { ...view, pictures: [...handles(2), 50] };
    },
    'two-screens': () => {
      const view = scene(3);
      for (const index of [0, 1]) {
        view.snapshot.call?.participants[index]?.tracks.push({ handle: 50 + index, kind: 'video', stream: `screen${index}`, event: 'screen', refused: null });
      }
      return { ...view, pictures: [...handles(3), 50, 51] };
    },
    'open-link': () => ({ ...scene(2), events: [[300, opening()]] }),
    'unknown-server': () => ({ snapshot: idle(), pictures: [0], inside: [{ count: 0, names: [] }], events: [[50, opening({ room: { ...PLANNING, private: false, known: false } })]] }),
    'bad-link': () => ({ snapshot: idle(), events: [[50, opening({ text: 'confab://join?link=http://host/r/a%20b', room: null, error: error('bad-link', undefined, { reason: 'link-room' }) })]] }),
  };
}
