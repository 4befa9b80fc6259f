/** Kafka from the application's side: the topics it needs, and a broker of its own for trying things out. */
package io.engram.app.kafka;
