using System.IO.Hashing;
using System.Runtime.InteropServices;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Registry;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// Histories of markets, events and series as the gatherers tell them → one history of changes each, by received_at. A gatherer tells a version that differs
/// from the one it told before (<see cref="ObjectVersions"/>): by lifecycle message at once, by REST sweep up to a quarter of an hour later.
/// A version is no change when it equals
/// <code>
///   one within the margin that this gatherer has not told     the same change, by another clock
///   the one before it in the history, or the one behind it    seen again, or seen earlier, and nothing lay between
/// </code>
/// <b>In</b>: versions, any interleaving. <b>Out</b>: rows of histories. <b>Thread</b>: one. <b>Bound</b>: <see cref="ObjectBounds"/>, applied whenever the whole memory is written;
/// 60 bytes an object of one version, and 24 for each version of the others. <b>When full</b>: a history that is told of again is recalled from production.
/// </summary>
internal sealed class ObjectMerge(long margin, ObjectBounds bounds, IStreamOutput output, IStreamRecall recall, StreamCounters counters) : IMergeMemory
{
    public static readonly ObjectBounds DefaultBounds = new(Keep: Micros.PerDay, CountMax: 3_000_000);

    private const byte Version = 1;

    /// <summary>Objects that change in a turn, but for the first one: room for more is given back.</summary>
    private const int ChangedMax = 65_536;

    private readonly Dictionary<ulong, ObjectHistory> _histories = [];
    private readonly HashSet<ulong> _changed = [];
    private readonly List<int> _replaced = [];
    private readonly ObjectContent _content = new();

    /// <summary>Whether production has objects that are not here.</summary>
    private bool _hasForgotten;
    private long _newestAt = long.MinValue;

    /// <summary>Histories recalled from production so far.</summary>
    public long Recalls { get; private set; }

    public void Tell(
        int gatherer, ObjectKind kind, int market, long receivedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin)
    {
        counters.Objects++;
        _newestAt = Math.Max(_newestAt, receivedAt);
        var key = XxHash3.HashToUInt64(item.Ticker.Span, (long)kind);
        ref var history = ref CollectionsMarshal.GetValueRefOrAddDefault(_histories, key, out var isKnown);
        if (!isKnown)
        {
            history = new ObjectHistory(isCut: _hasForgotten);
        }

        if (!history.Reaches(receivedAt - margin))
        {
            Recall(ref history, kind, market, item.Ticker.Span);
        }

        _changed.Add(key);
        var verdict = history.Tell((ushort)(1 << gatherer), _content.HashOf(payload), receivedAt, margin);
        if (verdict != ObjectVerdict.Known)
        {
            counters.ObjectsProduced++;
            output.OnObject(kind, market, receivedAt, item, payload, origin, isNewest: verdict == ObjectVerdict.Newest);
        }
    }

    /// <summary>Whatever the gatherer told, it begins anew.</summary>
    public void OnReplaced(int gatherer)
    {
        _replaced.Add(gatherer);
        foreach (var key in _histories.Keys)
        {
            CollectionsMarshal.GetValueRefOrNullRef(_histories, key).RemoveTeller((ushort)(1 << gatherer));
        }
    }

    public void WriteAll(StateWriter writer)
    {
        ForgetObjects();
        WriteHead(writer);
        writer.Write7BitEncodedInt(_histories.Count);
        foreach (var key in _histories.Keys)
        {
            ref var history = ref CollectionsMarshal.GetValueRefOrNullRef(_histories, key);
            history.Cut(_newestAt - bounds.Keep);
            writer.Write(key);
            history.Write(writer);
        }

        ForgetChanges();
    }

    public void WriteChanges(StateWriter writer)
    {
        WriteHead(writer);
        writer.Write7BitEncodedInt(_replaced.Count);
        foreach (var gatherer in _replaced)
        {
            writer.Write7BitEncodedInt(gatherer);
        }

        writer.Write7BitEncodedInt(_changed.Count);
        foreach (var key in _changed)
        {
            writer.Write(key);
            _histories[key].Write(writer);
        }

        ForgetChanges();
    }

    public void ReadAll(StateReader reader)
    {
        ReadHead(reader);
        ReadHistories(reader);
    }

    public void ReadChanges(StateReader reader)
    {
        ReadHead(reader);
        for (var count = reader.Read7BitEncodedInt(); count > 0; count--)
        {
            OnReplaced(reader.Read7BitEncodedInt());
        }

        _replaced.Clear();
        ReadHistories(reader);
    }

    private void Recall(ref ObjectHistory history, ObjectKind kind, int market, ReadOnlySpan<byte> ticker)
    {
        var versions = new List<(ulong Content, long At)>();
        recall.RecallObject(kind, market, ticker, new RecalledRows((content, at) => versions.Add((content, at))));
        foreach (var (content, at) in versions)
        {
            history.Restore(content, at);
        }

        history.MarkWhole();
        Recalls++;
    }

    /// <summary>More than there may be: those that changed the longest ago go, until a quarter of the room is free.</summary>
    private void ForgetObjects()
    {
        if (_histories.Count <= bounds.CountMax)
        {
            return;
        }

        long[] times = [.. _histories.Values.Select(history => history.NewestAt)];
        Array.Sort(times);
        var limit = times[^(bounds.CountMax - (bounds.CountMax / 4))];
        foreach (var (key, history) in _histories)
        {
            if (history.NewestAt < limit)
            {
                _histories.Remove(key);
                _hasForgotten = true;
            }
        }
    }

    private void ForgetChanges()
    {
        _changed.Clear();
        if (_changed.Capacity > ChangedMax)
        {
            _changed.TrimExcess(); // As large as the first listing, which comes once.
        }

        _replaced.Clear();
    }

    private void WriteHead(StateWriter writer)
    {
        writer.Write(Version);
        writer.Write(_hasForgotten);
        writer.Write(_newestAt);
    }

    private void ReadHead(StateReader reader)
    {
        if (reader.ReadByte() is var version && version != Version)
        {
            throw new InvalidDataException($"The saved state of the objects' merge has version {version}, this kalshid reads {Version}.");
        }

        _hasForgotten = reader.ReadBoolean();
        _newestAt = reader.ReadInt64();
    }

    private void ReadHistories(StateReader reader)
    {
        for (var count = reader.Read7BitEncodedInt(); count > 0; count--)
        {
            var key = reader.ReadUInt64();
            _histories[key] = ObjectHistory.Read(reader);
        }
    }
}
