import type { Device } from '../backend/types';
import { t } from '../i18n';

/** What a picker offers: the system's choice by name, then each device. Nothing where there is no device. */
export function choices(devices: readonly Device[] = [], preferred: string | null = null): { id: string | null; name: string }[] {
  if (devices.length === 0) return [];
  const name = devices.find((device) => device.id === preferred)?.name;
  const system = { id: null, name: name ? t('devices.default', { name }) : t('devices.default.unknown') };
  return [system, ...devices];
}
