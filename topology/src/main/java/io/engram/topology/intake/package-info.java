/**
 * A record in: when its turn is, and what is to become of it. Key, decode, sequence, duplicate and capacity are checked, and
 * nothing is changed; the answer is a {@link io.engram.topology.intake.Verdict}.
 */
package io.engram.topology.intake;
