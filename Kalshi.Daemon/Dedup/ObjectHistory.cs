using Kalshi.Daemon.Books;

namespace Kalshi.Daemon.Dedup;

/// <summary>Versions of one object, ascending by received_at, no two neighbours equal. Changes of it are <see cref="ObjectMerge"/>'s to note.</summary>
internal struct ObjectHistory
{
    private Version[] _versions;

    /// <summary>Older versions are in production alone.</summary>
    private bool _isCut;

    public ObjectHistory(bool isCut) => (_versions, _isCut) = ([], isCut);

    public readonly long NewestAt => _versions.Length > 0 ? _versions[^1].At : long.MinValue;

    /// <summary>Whether everything is here that a version of the time must be compared with.</summary>
    public readonly bool Reaches(long at) => !_isCut || (_versions.Length > 0 && _versions[0].At < at);

    /// <summary>Takes note of what a gatherer told.</summary>
    public ObjectVerdict Tell(ushort teller, ulong content, long at, long margin)
    {
        if (FindUntold(teller, content, at, margin) is var told and >= 0)
        {
            _versions[told].Tellers |= teller;
            return ObjectVerdict.Known;
        }

        var place = PlaceOf(at);
        if (Holds(place - 1, content) || Holds(place, content))
        {
            return ObjectVerdict.Known;
        }

        Insert(place, content, at, teller);
        return place == _versions.Length - 1 ? ObjectVerdict.Newest : ObjectVerdict.Older;
    }

    /// <summary>A version that production has; <see cref="MarkWhole"/> once all were given.</summary>
    public void Restore(ulong content, long at)
    {
        var place = PlaceOf(at);
        for (var i = place - 1; i >= 0 && _versions[i].At == at; i--)
        {
            if (_versions[i].Content == content)
            {
                return;
            }
        }

        Insert(place, content, at, tellers: 0);
    }

    public void MarkWhole() => _isCut = false;

    /// <summary>Forgets what is older than `before`, but for the newest two.</summary>
    public void Cut(long before)
    {
        var first = 0;
        while (first < _versions.Length - 2 && _versions[first].At < before)
        {
            first++;
        }

        if (first > 0)
        {
            _versions = _versions[first..];
            _isCut = true;
        }
    }

    public readonly void RemoveTeller(ushort teller)
    {
        foreach (ref var version in _versions.AsSpan())
        {
            version.Tellers &= (ushort)~teller;
        }
    }

    public readonly void Write(StateWriter writer)
    {
        writer.Write(_isCut);
        writer.Write7BitEncodedInt(_versions.Length);
        foreach (ref readonly var version in _versions.AsSpan())
        {
            writer.Write(version.Content);
            writer.Write(version.At);
            writer.Write(version.Tellers);
        }
    }

    public static ObjectHistory Read(StateReader reader)
    {
        var history = new ObjectHistory(reader.ReadBoolean()) { _versions = new Version[reader.Read7BitEncodedInt()] };
        foreach (ref var version in history._versions.AsSpan())
        {
            version = new Version { Content = reader.ReadUInt64(), At = reader.ReadInt64(), Tellers = reader.ReadUInt16() };
        }

        return history;
    }

    /// <summary>
    /// The earliest version of this content within the margin that the gatherer has not told, so that this is its copy of it; -1 for none. Not one behind another
    /// version that it has not told either and that came later than this: its own order says it would have to tell that one first.
    /// </summary>
    private readonly int FindUntold(ushort teller, ulong content, long at, long margin)
    {
        var found = -1;
        for (var i = _versions.Length - 1; i >= 0 && _versions[i].At >= at - margin; i--)
        {
            ref readonly var version = ref _versions[i];
            if ((version.Tellers & teller) != 0)
            {
                continue;
            }

            if (version.Content != content)
            {
                found = version.At > at ? -1 : found;
            }
            else if (version.At <= at + margin)
            {
                found = i;
            }
        }

        return found;
    }

    /// <summary>Index of the first version behind the time.</summary>
    private readonly int PlaceOf(long at)
    {
        var place = _versions.Length;
        while (place > 0 && _versions[place - 1].At > at)
        {
            place--;
        }

        return place;
    }

    private readonly bool Holds(int index, ulong content) => index >= 0 && index < _versions.Length && _versions[index].Content == content;

    private void Insert(int place, ulong content, long at, ushort tellers)
    {
        var version = new Version { Content = content, At = at, Tellers = tellers };
        _versions = [.. _versions.AsSpan(0, place), version, .. _versions.AsSpan(place)];
    }

    private struct Version
    {
        public ulong Content;
        public long At;

        /// <summary>Gatherers that told it, as bits by index.</summary>
        public ushort Tellers;
    }
}
