/** Which zone a time is meant in that somebody writes here, and in which times are shown: beside each field for one. */
export function zoneWords(): string {
  return `your time zone: ${Intl.DateTimeFormat().resolvedOptions().timeZone}`;
}
