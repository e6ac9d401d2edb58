import type { ErrorReason, UserError } from '../backend/types';
import { errors, errorsOutside, reasons } from './en';
import { fill } from './index';

/** An error as it is shown. */
export interface ShownError extends UserError {
  /** It is shown to somebody in no call. */
  outsideCall?: boolean;
}

/** What an error means and what to do about it. */
export function errorText({ code, params = {}, outsideCall = false }: ShownError): string {
  const outside = outsideCall ? errorsOutside[code] : undefined;
  return fill(outside ?? (isReason(params.reason) ? reasons[params.reason] : errors[code]), params);
}

function isReason(reason: string | undefined): reason is ErrorReason {
  return reason !== undefined && Object.hasOwn(reasons, reason);
}
