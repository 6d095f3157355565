/** What a training asks of the machines with GPUs, and how it stands in their queue. Types only, so that workflows may import it. */

/** GPUs of one class in one machine, by the numbers that its driver gives them. */
export interface OwnedGpus {
  host: string;
  class: string;
  devices: number[];
}

/** GPUs of one class that a training needs at once; of those who wait the lower priority goes first. */
export interface AskedGpus {
  class: string;
  count: number;
  /** 1 goes first, 5 last. */
  priority: number;
}

export interface PlacementInput {
  /** Of the attempt. */
  key: string;
}
/** One look at an attempt that asks for GPUs: whether it has waited to its end, and if not what for. */
export interface PlacementLook {
  begun: boolean;
  waits: string | null;
}
