// SPDX-License-Identifier: MIT

// What franz-go does with a broker, for test_clients.py:
//
//	member BOOTSTRAP GROUP TOPIC range|cooperative   a member until its standard input ends
//	produce BOOTSTRAP TOPIC PARTITIONS COUNT CODEC   idempotent; record N goes to N mod PARTITIONS
//	consume BOOTSTRAP TOPIC COUNT                    without a group: "PARTITION OFFSET KEY VALUE"
//	admin BOOTSTRAP TOPIC GROUP                      topics, groups, lag, offsets; exits 1 on surprise
//
// A member prints one event a line, "owned 0,1" and "record PARTITION OFFSET", and commits what it has
// printed after each poll.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var out = bufio.NewWriter(os.Stdout)

func check(err error) {
	if err != nil {
		out.Flush()
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func expect[T comparable](what string, expected, found T) {
	if expected != found {
		check(fmt.Errorf("%s: expected %v, found %v", what, expected, found))
	}
}

// What the controller has accepted reaches the nodes of Apache Kafka a little later.
func eventually(what string, condition func() bool) {
	for end := time.Now().Add(30 * time.Second); !condition(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			check(fmt.Errorf("%s: it did not come about", what))
		}
	}
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	check(err)
	return value
}

func client(bootstrap string, options ...kgo.Opt) *kgo.Client {
	c, err := kgo.NewClient(append(options, kgo.SeedBrokers(strings.Split(bootstrap, ",")...),
		kgo.FetchMaxWait(100*time.Millisecond))...)
	check(err)
	return c
}

// What a member owns. The callbacks come from another goroutine than the polls.
type owned struct {
	lock    sync.Mutex
	numbers map[int32]bool
}

func (o *owned) change(partitions map[string][]int32, here bool) {
	o.lock.Lock()
	defer o.lock.Unlock()
	for _, numbers := range partitions {
		for _, n := range numbers {
			if here {
				o.numbers[n] = true
			} else {
				delete(o.numbers, n)
			}
		}
	}
	var words []string
	for n := range o.numbers {
		words = append(words, strconv.Itoa(int(n)))
	}
	sort.Strings(words)
	fmt.Fprintln(out, "owned", strings.Join(words, ","))
	out.Flush()
}

func member(bootstrap, group, topic, balancer string) {
	balancers := map[string]kgo.GroupBalancer{
		"range": kgo.RangeBalancer(), "cooperative": kgo.CooperativeStickyBalancer()}
	mine := owned{numbers: map[int32]bool{}}
	gone := func(_ context.Context, _ *kgo.Client, p map[string][]int32) { mine.change(p, false) }
	// No rebalance while what was polled is printed and committed: the two never write at once.
	c := client(bootstrap, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.Balancers(balancers[balancer]),
		kgo.SessionTimeout(6*time.Second), kgo.HeartbeatInterval(500*time.Millisecond), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, p map[string][]int32) { mine.change(p, true) }),
		kgo.OnPartitionsRevoked(gone), kgo.OnPartitionsLost(gone))
	done, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	for done.Err() == nil {
		poll, enough := context.WithTimeout(done, 200*time.Millisecond)
		fetches := c.PollFetches(poll)
		enough()
		fetches.EachError(func(topic string, partition int32, err error) {
			if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
				fmt.Fprintln(out, "error", topic, partition, err)
			}
		})
		fetches.EachRecord(func(r *kgo.Record) { fmt.Fprintln(out, "record", r.Partition, r.Offset) })
		out.Flush()
		if fetches.NumRecords() > 0 {
			if err := c.CommitUncommittedOffsets(context.Background()); err != nil {
				fmt.Fprintln(out, "error commit", err) // the next commit covers it
			}
		}
		c.AllowRebalance()
	}
	c.CloseAllowingRebalance()
}

func produce(bootstrap, topic string, partitions, count int, codec string) {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	// franz-go's producer is idempotent unless it is told not to be.
	c := client(bootstrap, kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(codecs[codec]), kgo.ProducerLinger(5*time.Millisecond))
	defer c.Close()
	var records []*kgo.Record
	for n := 0; n < count; n++ {
		records = append(records, &kgo.Record{Partition: int32(n % partitions), Key: []byte(fmt.Sprint("k", n)),
			Value: []byte(fmt.Sprint("value ", n)), Headers: []kgo.RecordHeader{{Key: "n", Value: []byte(fmt.Sprint(n))}}})
	}
	check(c.ProduceSync(context.Background(), records...).FirstErr())
	for n, record := range records {
		expect("offset", int64(n/partitions), record.Offset)
	}
	id, _, err := c.ProducerID(context.Background())
	check(err)
	fmt.Fprintln(out, "producer", id)
}

func consume(bootstrap, topic string, count int) {
	c := client(bootstrap, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer c.Close()
	limit, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for seen := 0; seen < count; {
		fetches := c.PollFetches(limit)
		fetches.EachError(func(_ string, _ int32, err error) { check(err) })
		fetches.EachRecord(func(r *kgo.Record) {
			seen++
			fmt.Fprintln(out, r.Partition, r.Offset, string(r.Key), string(r.Value))
		})
	}
}

func admin(bootstrap, topic, group string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c := client(bootstrap, kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer c.Close()
	a := kadm.NewClient(c)

	retention := "86400000"
	created, err := a.CreateTopic(ctx, 3, 1, map[string]*string{"retention.ms": &retention}, topic)
	check(err)
	check(created.Err)
	again, err := a.CreateTopic(ctx, 3, 1, nil, topic)
	if !errors.Is(err, kerr.TopicAlreadyExists) {
		check(fmt.Errorf("the topic was made twice: %v %v", again, err))
	}
	has := func(partitions int) func() bool {
		return func() bool {
			topics, err := a.ListTopics(ctx, topic)
			check(err)
			return len(topics[topic].Partitions) == partitions
		}
	}
	eventually("three partitions", has(3))
	configs, err := a.DescribeTopicConfigs(ctx, topic)
	check(err)
	config, err := configs.On(topic, nil)
	check(err)
	check(config.Err)
	for _, one := range config.Configs {
		if one.Key == "retention.ms" {
			expect("retention.ms", retention, one.MaybeValue())
		}
	}

	begin := time.Now().UnixMilli()
	var records []*kgo.Record
	for n := 0; n < 30; n++ {
		records = append(records, &kgo.Record{Partition: int32(n % 3), Value: []byte("v"),
			Timestamp: time.UnixMilli(begin + int64(n))})
	}
	check(c.ProduceSync(ctx, records...).FirstErr())
	ends, err := a.ListEndOffsets(ctx, topic)
	check(err)
	check(ends.Error())
	after, err := a.ListOffsetsAfterMilli(ctx, begin+16, topic)
	check(err)
	check(after.Error())
	// The first of partition 0 from there on is record 18, its seventh.
	for p, expected := range []int64{6, 5, 5} {
		end, _ := ends.Lookup(topic, int32(p))
		expect("end offset", 10, end.Offset)
		from, _ := after.Lookup(topic, int32(p))
		expect("offset after a time", expected, from.Offset)
	}

	// An empty group, made by a commit; its lag is what is not committed.
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: topic, Partition: 0, At: 4, LeaderEpoch: -1, Metadata: "meta \u00e4"})
	offsets.Add(kadm.Offset{Topic: topic, Partition: 1, At: 10, LeaderEpoch: -1})
	check(a.CommitAllOffsets(ctx, group, offsets))
	fetched, err := a.FetchOffsets(ctx, group)
	check(err)
	found, ok := fetched.Lookup(topic, 0)
	expect("committed", true, ok)
	check(found.Err)
	expect("committed", 4, found.At)
	expect("metadata", "meta \u00e4", found.Metadata)
	lags, err := a.Lag(ctx, group)
	check(err)
	check(lags.Error())
	lag, ok := lags[group].Lag.Lookup(topic, 0)
	expect("lag is told", true, ok)
	expect("lag", 6, lag.Lag)
	expect("state", "Empty", lags[group].State)
	groups, err := a.ListGroups(ctx)
	check(err)
	_, ok = groups[group]
	expect("the group is listed", true, ok)

	low := kadm.Offsets{}
	low.Add(kadm.Offset{Topic: topic, Partition: 2, At: 7})
	deleted, err := a.DeleteRecords(ctx, low)
	check(err)
	check(deleted.Error())
	starts, err := a.ListStartOffsets(ctx, topic)
	check(err)
	start, _ := starts.Lookup(topic, 2)
	expect("start after records were deleted", 7, start.Offset)

	_, err = a.UpdatePartitions(ctx, 5, topic)
	check(err)
	eventually("five partitions", has(5))
	gone, err := a.DeleteOffsets(ctx, group, kadm.TopicsSet{topic: {1: {}}})
	check(err)
	check(gone.Error())
	fetched, err = a.FetchOffsets(ctx, group)
	check(err)
	_, ok = fetched.Lookup(topic, 1)
	expect("a deleted offset is committed", false, ok)
	one, err := a.DeleteGroup(ctx, group)
	check(err)
	check(one.Err)
	dropped, err := a.DeleteTopic(ctx, topic)
	check(err)
	check(dropped.Err)
	_, err = a.DeleteTopic(ctx, topic)
	if !errors.Is(err, kerr.UnknownTopicOrPartition) {
		check(fmt.Errorf("the topic is still there: %v", err))
	}
	fmt.Fprintln(out, "done")
}

func main() {
	arguments := os.Args[1:]
	switch {
	case len(arguments) == 5 && arguments[0] == "member":
		member(arguments[1], arguments[2], arguments[3], arguments[4])
	case len(arguments) == 6 && arguments[0] == "produce":
		produce(arguments[1], arguments[2], number(arguments[3]), number(arguments[4]), arguments[5])
	case len(arguments) == 4 && arguments[0] == "consume":
		consume(arguments[1], arguments[2], number(arguments[3]))
	case len(arguments) == 4 && arguments[0] == "admin":
		admin(arguments[1], arguments[2], arguments[3])
	default:
		fmt.Fprintln(os.Stderr, "usage: see the head of main.go")
		os.Exit(2)
	}
	out.Flush()
}
