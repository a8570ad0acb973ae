namespace Kalshi.Daemon.Store;

/// <summary>What a store's rows contradict, by kind: the first few of each in words, all of them counted. One thread.</summary>
internal sealed class StoreFaults
{
    private const int TextsPerKind = 10;

    private readonly SortedDictionary<string, (long Count, List<string> Texts)> _kinds = new(StringComparer.Ordinal);

    public long Count => _kinds.Values.Sum(kind => kind.Count);

    public IEnumerable<string> Texts
    {
        get
        {
            foreach (var (name, (count, texts)) in _kinds)
            {
                foreach (var text in texts)
                {
                    yield return $"store: {text}";
                }

                if (count > texts.Count)
                {
                    yield return $"store: {count - texts.Count} more of {name}";
                }
            }
        }
    }

    public void Add(string kind, Func<string> text)
    {
        var (count, texts) = _kinds.GetValueOrDefault(kind, (0, []));
        if (texts.Count < TextsPerKind)
        {
            texts.Add(text());
        }

        _kinds[kind] = (count + 1, texts);
    }
}
