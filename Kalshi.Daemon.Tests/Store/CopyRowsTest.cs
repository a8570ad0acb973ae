using System.Text;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Store;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

internal sealed class CopyRowsTest
{
    [Test]
    public void Every_kind_of_column_is_read_as_it_was_written()
    {
        var rows = Rows(buffer =>
        {
            buffer.BeginRow(9);
            buffer.Time(1_785_898_800_000_001);
            buffer.Time(long.MaxValue);
            buffer.Long(long.MinValue + 1);
            buffer.Int(-7);
            buffer.Char((byte)'y');
            buffer.Flag(true);
            buffer.Text("Größe"u8);
            buffer.Prices([new Level(10_000, 500), new Level(20_000, 1)]);
            buffer.Sizes([new Level(10_000, 500), new Level(20_000, 1)]);
        });
        rows.MoveNext();
        Assert.That(rows.Key, Is.EqualTo(1_785_898_800_000_001));
        Assert.That(rows.Time(), Is.EqualTo(long.MaxValue), "infinity");
        Assert.That(rows.Int64(), Is.EqualTo(long.MinValue + 1));
        Assert.That(rows.Int32(), Is.EqualTo(-7));
        Assert.That(rows.Byte(), Is.EqualTo((byte)'y'));
        Assert.That(rows.Bool(), Is.EqualTo(1));
        Assert.That(Encoding.UTF8.GetString(rows.Bytes()), Is.EqualTo("Größe"));
        var prices = rows.Elements(out var count);
        Assert.That((count, CopyRows.Element32(prices, 0), CopyRows.Element32(prices, 1)), Is.EqualTo((2, 10_000, 20_000)));
        var sizes = rows.Elements(out count);
        Assert.That((count, CopyRows.Element64(sizes, 0), CopyRows.Element64(sizes, 1)), Is.EqualTo((2, 500, 1)));
        rows.MoveNext();
        Assert.That(rows.Key, Is.EqualTo(long.MaxValue));
    }

    [Test]
    public void Nulls_and_empty_arrays_are_what_the_reader_says_they_are()
    {
        var rows = Rows(buffer =>
        {
            buffer.BeginRow(8);
            buffer.Time(5);
            for (var i = 0; i < 6; i++)
            {
                buffer.Null();
            }

            buffer.Prices([]);
        });
        rows.MoveNext();
        Assert.That(rows.PeekTime(3), Is.EqualTo(3));
        Assert.That((rows.Time(0), rows.Int64(-1), rows.Int32(-2), rows.Byte(), rows.Bool(), rows.Bytes().Length), Is.EqualTo((0, -1, -2, 0, -1, 0)));
        Assert.That(rows.Elements(out var count).IsEmpty && count == 0);
    }

    [Test]
    public void Rows_behind_the_end_of_a_range_are_not_seen()
    {
        var rows = Rows(buffer =>
        {
            foreach (var at in (ReadOnlySpan<long>)[10, 20, 30])
            {
                buffer.BeginRow(1);
                buffer.Time(at);
            }
        });
        Assert.That((rows.Count, rows.FirstKey, rows.LastKey), Is.EqualTo((3, 10, 30)));
        rows.Begin(until: 20);
        var seen = new List<long>();
        for (rows.MoveNext(); rows.Key != long.MaxValue; rows.MoveNext())
        {
            seen.Add(rows.Key);
        }

        Assert.That(seen, Is.EqualTo(new long[] { 10, 20 }));
    }

    [Test]
    public void An_answer_cut_anywhere_is_refused()
    {
        var whole = Bytes(buffer =>
        {
            buffer.BeginRow(2);
            buffer.Time(10);
            buffer.Text("text"u8);
        });
        for (var length = 0; length < whole.Length; length++)
        {
            Assert.That(() => new CopyRows().Fill(new MemoryStream(whole, 0, length)), Throws.TypeOf<InvalidDataException>(), $"{length} bytes");
        }
    }

    [Test]
    public void A_column_of_another_size_is_refused()
    {
        var rows = Rows(buffer =>
        {
            buffer.BeginRow(2);
            buffer.Time(10);
            buffer.Int(1);
        });
        rows.MoveNext();
        Assert.That(() => rows.Int64(), Throws.TypeOf<InvalidDataException>());
    }

    [Test]
    public void An_answer_larger_than_the_buffer_is_whole()
    {
        const int count = 20_000;
        var rows = Rows(buffer =>
        {
            for (var i = 1; i <= count; i++)
            {
                buffer.BeginRow(2);
                buffer.Time(i);
                buffer.Long(i * 3);
            }
        });
        Assert.That(rows.Count, Is.EqualTo(count));
        for (var i = 1; i <= count; i++)
        {
            rows.MoveNext();
            Assert.That((rows.Key, rows.Int64()), Is.EqualTo((i, i * 3)));
        }
    }

    private static CopyRows Rows(Action<CopyBuffer> write)
    {
        var rows = new CopyRows();
        rows.Fill(new MemoryStream(Bytes(write)));
        return rows;
    }

    private static byte[] Bytes(Action<CopyBuffer> write)
    {
        var buffer = new CopyBuffer();
        buffer.Clear();
        write(buffer);
        return buffer.Finish().ToArray();
    }
}
