import type { Device } from '../backend/types';
import { t } from '../i18n';

/** One of several, by name. */
export interface Option {
  /** Null is what the system prefers. */
  id: string | null;
  name: string;
  /** A word about it that gives way to the name. */
  note?: string;
}

/** What a picker offers: the system's choice by name, then each device. Nothing where there is no device. */
export function choices(devices: readonly Device[] = [], preferred: string | null = null): Option[] {
  if (devices.length === 0) return [];
  const name = devices.find((device) => device.id === preferred)?.name;
  const system = name ? { name, note: t('devices.default.note') } : { name: t('devices.default') };
  return [{ id: null, ...system }, ...devices];
}
