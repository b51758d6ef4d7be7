/** A tick above a signature. */
export function Logo({ size = 22 }: { size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="2.2"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d="M4 13l5 5L20 6" />
      <path d="M3 21c4-2 7 1 10-1s5 0 8 0" opacity=".55" />
    </svg>
  );
}
