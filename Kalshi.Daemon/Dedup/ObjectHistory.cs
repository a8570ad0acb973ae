using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Kalshi.Daemon.Books;

namespace Kalshi.Daemon.Dedup;

/// <summary>Versions of one object, ascending by received_at, no two neighbours equal. Changes of it are <see cref="ObjectMerge"/>'s to note.</summary>
internal struct ObjectHistory
{
    /// <summary>Null while there is at most one, as of most objects: that is `_only`.</summary>
    private Version[]? _many;
    private Version _only;
    private bool _hasOne;

    /// <summary>Older versions are in production alone.</summary>
    private bool _isCut;

    public ObjectHistory(bool isCut) => _isCut = isCut;

    [UnscopedRef]
    private Span<Version> Versions => _many is { } many ? many : MemoryMarshal.CreateSpan(ref _only, _hasOne ? 1 : 0);

    public long NewestAt => Versions is [.., var newest] ? newest.At : long.MinValue;

    /// <summary>Whether everything is here that a version of the time must be compared with.</summary>
    public bool Reaches(long at) => !_isCut || (Versions is [var oldest, ..] && oldest.At < at);

    /// <summary>Takes note of what a gatherer told.</summary>
    public ObjectVerdict Tell(ushort teller, ulong content, long at, long margin)
    {
        if (FindUntold(teller, content, at, margin) is var told and >= 0)
        {
            Versions[told].Tellers |= teller;
            return ObjectVerdict.Known;
        }

        var place = PlaceOf(at);
        if (Holds(place - 1, content) || Holds(place, content))
        {
            return ObjectVerdict.Known;
        }

        Insert(place, content, at, teller);
        return place == Versions.Length - 1 ? ObjectVerdict.Newest : ObjectVerdict.Older;
    }

    /// <summary>A version that production has; <see cref="MarkWhole"/> once all were given.</summary>
    public void Restore(ulong content, long at)
    {
        var place = PlaceOf(at);
        var versions = Versions;
        for (var i = place - 1; i >= 0 && versions[i].At == at; i--)
        {
            if (versions[i].Content == content)
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
        var (versions, first) = (_many, 0);
        while (versions is not null && first < versions.Length - 2 && versions[first].At < before)
        {
            first++;
        }

        if (first > 0)
        {
            _many = versions![first..];
            _isCut = true;
        }
    }

    public void RemoveTeller(ushort teller)
    {
        foreach (ref var version in Versions)
        {
            version.Tellers &= (ushort)~teller;
        }
    }

    public void Write(StateWriter writer)
    {
        writer.Write(_isCut);
        writer.Write7BitEncodedInt(Versions.Length);
        foreach (ref readonly var version in Versions)
        {
            writer.Write(version.Content);
            writer.Write(version.At);
            writer.Write(version.Tellers);
        }
    }

    public static ObjectHistory Read(StateReader reader)
    {
        var history = new ObjectHistory(reader.ReadBoolean());
        var count = reader.Read7BitEncodedInt();
        history._hasOne = count > 0;
        history._many = count > 1 ? new Version[count] : null;
        foreach (ref var version in history.Versions)
        {
            version = new Version { Content = reader.ReadUInt64(), At = reader.ReadInt64(), Tellers = reader.ReadUInt16() };
        }

        return history;
    }

    /// <summary>
    /// The earliest version of this content within the margin that the gatherer has not told, so that this is its copy of it; -1 for none. Not one behind another
    /// version that it has not told either and that came later than this: its own order says it would have to tell that one first.
    /// </summary>
    private int FindUntold(ushort teller, ulong content, long at, long margin)
    {
        var found = -1;
        var versions = Versions;
        for (var i = versions.Length - 1; i >= 0 && versions[i].At >= at - margin; i--)
        {
            ref readonly var version = ref versions[i];
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
    private int PlaceOf(long at)
    {
        var versions = Versions;
        var place = versions.Length;
        while (place > 0 && versions[place - 1].At > at)
        {
            place--;
        }

        return place;
    }

    private bool Holds(int index, ulong content) => Versions is var versions && (uint)index < (uint)versions.Length && versions[index].Content == content;

    private void Insert(int place, ulong content, long at, ushort tellers)
    {
        var version = new Version { Content = content, At = at, Tellers = tellers };
        if (Versions is { IsEmpty: false } versions)
        {
            _many = [.. versions[..place], version, .. versions[place..]];
            return;
        }

        (_only, _hasOne) = (version, true);
    }

    /// <summary>Packed: a million markets have one or two each.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 2)]
    private struct Version
    {
        public ulong Content;
        public long At;

        /// <summary>Gatherers that told it, as bits by index.</summary>
        public ushort Tellers;
    }
}
