/**
 * The wire contract: what producers write to the lanes, what they get back, and the names of topics and headers.
 *
 * <pre>
 * engram-observations-{high,normal,low}   key: space   value: {@link io.engram.schemas.Observation}
 * engram-rejected                         the record as it came, + {@link io.engram.schemas.RejectionHeaders}
 * engram-sessions                         key: space/lane/session   value: {@link io.engram.schemas.SessionProgress}
 * engram-backpressure                     key: lane-partition   value: {@link io.engram.schemas.BackpressureStatus}
 * </pre>
 */
package io.engram.schemas;
