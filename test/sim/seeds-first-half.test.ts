import { describeShare } from "./run/shares.ts";

describeShare(0);
