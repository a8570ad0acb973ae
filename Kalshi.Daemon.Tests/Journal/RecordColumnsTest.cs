using System.Buffers.Binary;
using Kalshi.Daemon.Journal;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Journal;

internal sealed class RecordColumnsTest
{
    [Test]
    public void Records_come_back_byte_for_byte_whatever_their_heads_hold()
    {
        var random = Seeds.New(out _);
        for (var round = 0; round < 300; round++)
        {
            var (records, count, firstAt) = RandomRecords(random);
            var split = new byte[RecordColumns.SplitBytesMax(records.Length, count)];
            var length = RecordColumns.Split(records, count, firstAt, split);
            var joined = new byte[records.Length];
            Assert.That(RecordColumns.TryJoin(split.AsSpan(0, length), count, firstAt, joined), Is.True);
            Assert.That(joined, Is.EqualTo(records));
            Assert.That(RecordColumns.Split(records, count + 1, firstAt, split), Is.EqualTo(-1));
            Assert.That(RecordColumns.TryJoin(split.AsSpan(0, length), count + 1, firstAt, joined), Is.False);
            Assert.That(RecordColumns.TryJoin(split.AsSpan(0, length), count, firstAt, new byte[records.Length + 1]), Is.False);
        }
    }

    [Test]
    public void Mutated_columns_never_lead_outside_the_buffers()
    {
        var random = Seeds.New(out _);
        for (var round = 0; round < 20_000; round++)
        {
            var (records, count, firstAt) = RandomRecords(random);
            var split = new byte[RecordColumns.SplitBytesMax(records.Length, count)];
            var length = RecordColumns.Split(records, count, firstAt, split);
            for (var i = random.Next(1, 4); i > 0; i--)
            {
                split[random.Next(random.Next(1, length + 1))] = (byte)random.Next(256);
            }

            RecordColumns.TryJoin(split.AsSpan(0, random.Next(length + 1)), count, firstAt, new byte[records.Length]);
        }
    }

    private static (byte[] Records, int Count, long FirstAt) RandomRecords(Random random)
    {
        var count = random.Next(1, 12);
        var firstAt = random.NextInt64();
        var records = new List<byte>();
        for (var i = 0; i < count; i++)
        {
            var record = JournalFixture.RandomBytes(random, SegmentFormat.RecordHeaderBytes + random.Next(60));
            BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(12), record.Length - SegmentFormat.RecordHeaderBytes);
            if (i == 0)
            {
                BinaryPrimitives.WriteInt64LittleEndian(record, firstAt);
            }

            records.AddRange(record);
        }

        return ([.. records], count, firstAt);
    }
}
