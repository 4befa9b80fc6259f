/** Admission control: how deep each lane is, how hard that presses, and whether to shed. */
package io.engram.topology.admission;
