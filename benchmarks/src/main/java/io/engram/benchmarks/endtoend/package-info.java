/**
 * The product under load: broker, instance and load generator, each a process of its own.
 *
 * <pre>
 * EndToEndCommand → Scenario → ChildProcess: broker │ ServedInstance │ LoadCommand
 *                      └─ Phase … → Report (Markdown, JSON)
 * </pre>
 */
package io.engram.benchmarks.endtoend;
