/** The long-lived threads of a process: who they are, and whether they still live. */
package io.engram.topology.supervision;
