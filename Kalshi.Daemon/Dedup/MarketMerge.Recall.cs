namespace Kalshi.Daemon.Dedup;

/// <summary>
/// Windows that reach back as far as a late run needs: what is told minutes or days after the others told it is compared with production's own rows, as long as these are few. Of many,
/// keys and digests have to do.
/// </summary>
internal sealed partial class MarketMerge
{
    private const int RecalledMax = 2_000;

    private enum Recalled
    {
        /// <summary>The window reaches back so far, or its stretch does not.</summary>
        Whole,

        /// <summary>Too many changes, or their digests are not known.</summary>
        No,

        /// <summary>The turn has recalled enough, or has changed what is to be recalled: to be asked again.</summary>
        NotNow,
    }

    /// <summary>Makes the stretch's window reach back to a key.</summary>
    private Recalled Recall(Stretch stretch, ChangeKey from)
    {
        from = from < stretch.First ? stretch.First : from;
        var to = stretch.WindowCount > 0 ? stretch.Window![0].Key : stretch.Last with { Ordinal = stretch.Last.Ordinal + 1 };
        if (stretch.IsEmpty || from >= to)
        {
            return Recalled.Whole;
        }

        var isClearedAtEnd = stretch.WindowCount == 0 && stretch.ClearedAt == stretch.Last;
        if (from <= stretch.ClearedAt && !isClearedAtEnd)
        {
            return Recalled.No;
        }

        if (!_context.MayRecall || _context.Unsettled.Contains(Id))
        {
            return Recalled.NotNow;
        }

        _context.RecallChanges(Id, from, to, RecalledMax + 1);
        var changes = _context.Recalled;
        if (changes.Count is 0 or > RecalledMax)
        {
            return Recalled.No;
        }

        Widen(stretch, changes, isClearedAtEnd ? stretch.ClearedDigest : stretch.WindowBase.Digest);
        return Recalled.Whole;
    }

    /// <summary>Puts changes before those of the window; `digest`: behind the last of them.</summary>
    private void Widen(Stretch stretch, List<(ChangeKey Key, MarketChange Change)> changes, ulong digest)
    {
        foreach (var (_, change) in changes)
        {
            digest -= BookDigest.Of(change);
        }

        var first = changes[0].Key;
        var window = _context.RentWindow(first == stretch.First ? ChangeKey.None : first with { Ordinal = first.Ordinal - 1 }, digest);
        foreach (var (key, change) in changes)
        {
            digest += BookDigest.Of(change);
            var digestAfter = key == stretch.Last ? stretch.Digest : digest;
            window.Add(new ChangeWindow.Entry { Change = change, Ordinal = key.Ordinal, DigestAfter = digestAfter, AddedAt = _context.Watermark });
        }

        if (stretch.Window is { } narrow)
        {
            for (var i = 0; i < narrow.Count; i++)
            {
                window.Add(narrow[i]);
            }

            _context.ReturnWindow(narrow);
        }

        stretch.Window = window;
        _context.Added.Enqueue((_context.Watermark, Id));
        foreach (ref var slot in _slots.AsSpan())
        {
            if (slot is { State: RunState.Attached, Detail: { } behind } && slot.Stretch == stretch)
            {
                SetPosition(ref slot, behind.Key, behind.Digest, behind.HasBook);
            }
        }
    }
}
