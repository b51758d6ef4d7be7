import { useLocalStorage } from "@mantine/hooks";

/** Whether long texts come covered until somebody looks: for people who read what is hard to read, all day. */
export function useCovering() {
  return useLocalStorage({ key: "countersign.cover", defaultValue: false, getInitialValueInEffect: false });
}
