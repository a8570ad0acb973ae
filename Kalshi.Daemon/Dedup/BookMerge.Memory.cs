using System.Runtime.InteropServices;
using Kalshi.Daemon.Books;

namespace Kalshi.Daemon.Dedup;

/// <summary>The merge's memory: both forms are markets one after another, all of them or those that changed.</summary>
/// <code>
///   version byte │ watermark │ gatherers { progress, reach of its epochs }… │ count │ { market, MarketMerge }…
/// </code>
internal sealed partial class BookMerge : IMergeMemory
{
    private const byte Version = 3;

    /// <summary>Of the market being restored.</summary>
    private readonly List<(ChangeKey Key, MarketChange Change)> _recent = [];
    private int _recentMarket;

    /// <summary>Of the markets that were read, those that wait for something.</summary>
    private readonly HashSet<int> _undecided = [];

    /// <summary>How far back <see cref="Restore"/> wants to see changes: exchange time, µs.</summary>
    public long RecentFrom => _context.Watermark - (3 * _context.Settings.Margin);

    public void WriteAll(StateWriter writer)
    {
        WriteHead(writer, _markets.Count(static market => market is not null));
        for (var id = 1; id < _markets.Length; id++)
        {
            Write(writer, id);
        }

        ForgetDirty();
    }

    public void WriteChanges(StateWriter writer)
    {
        WriteHead(writer, _context.Dirty.Count);
        foreach (var id in _context.Dirty)
        {
            Write(writer, id);
        }

        ForgetDirty();
    }

    public void ReadAll(StateReader reader) => ReadChanges(reader);

    public void ReadChanges(StateReader reader)
    {
        if (reader.ReadByte() is var version && version != Version)
        {
            throw new InvalidDataException($"The memory of the books' merge has version {version}; this kalshid knows {Version}.");
        }

        _context.Watermark = reader.ReadInt64();
        if (reader.ReadInt32() is var gatherers && gatherers > _context.Progress.Length)
        {
            throw new InvalidDataException($"The memory of the books' merge is of {gatherers} gatherers, and {_context.Progress.Length} are configured.");
        }

        for (var gatherer = gatherers - 1; gatherer >= 0; gatherer--)
        {
            _context.Progress[gatherer] = reader.ReadInt64();
            _context.Reach[gatherer].Read(reader);
        }

        for (var count = reader.ReadInt32(); count > 0; count--)
        {
            Read(reader, reader.ReadInt32(), gatherers);
        }
    }

    /// <summary>As bytes, whatever it waits for: it is woken when something is heard of it, or when it is looked at again.</summary>
    private void Read(StateReader reader, int id, int gatherers)
    {
        var market = new MarketMerge(id, _context);
        market.Read(reader, gatherers);
        PlaceOf(id) = _resting.Pack(market);
        if (market.HasUndecided)
        {
            _undecided.Add(id);
        }
        else
        {
            _undecided.Remove(id);
        }
    }

    /// <summary>After everything was read: production's changes since <see cref="RecentFrom"/>, by market and key.</summary>
    public void Restore(int market, ChangeKey key, in MarketChange change)
    {
        if (market != _recentMarket)
        {
            RestoreRecent();
            _recentMarket = market;
        }

        _recent.Add((key, change));
    }

    /// <summary>After the last of them.</summary>
    public void EndRestore()
    {
        RestoreRecent();
        foreach (var id in _undecided.Order())
        {
            _context.TryMark(id, MarketMarks.Waiting);
            _waiting.Enqueue((_context.Watermark, id));
        }

        _undecided.Clear();
        _undecided.TrimExcess();
    }

    private void RestoreRecent()
    {
        if (_recent.Count > 0)
        {
            var market = MarketOf(_recentMarket);
            market.Restore(CollectionsMarshal.AsSpan(_recent));
            LayToRest(market);
            _recent.Clear();
        }
    }

    private void WriteHead(StateWriter writer, int markets)
    {
        writer.Write(Version);
        writer.Write(_context.Watermark);
        writer.Write(_context.Progress.Length);
        for (var gatherer = _context.Progress.Length - 1; gatherer >= 0; gatherer--)
        {
            writer.Write(_context.Progress[gatherer]);
            _context.Reach[gatherer].Write(writer);
        }

        writer.Write(markets);
    }

    /// <summary>Nothing for a market that is not known.</summary>
    private void Write(StateWriter writer, int id)
    {
        switch (_markets[id])
        {
            case MarketMerge awake:
                writer.Write(id);
                awake.Write(writer);
                break;
            case byte[] resting:
                writer.Write(id);
                writer.Write(resting); // The form is the same.
                break;
        }
    }

    private void ForgetDirty()
    {
        foreach (var id in _context.Dirty)
        {
            _context.Unmark(id, MarketMarks.Dirty);
            if (_markets[id] is MarketMerge awake)
            {
                LayToRest(awake);
            }
        }

        _context.Dirty.Clear();
    }
}
