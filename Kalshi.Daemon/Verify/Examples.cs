namespace Kalshi.Daemon.Verify;

/// <summary>The first few cases of each finding, for people. The text of a case is made only when it is kept.</summary>
internal sealed class Examples
{
    public const int PerFinding = 5;

    private readonly SortedDictionary<string, List<string>> _texts = new(StringComparer.Ordinal);

    public IEnumerable<(string Finding, string Text)> All => _texts.SelectMany(pair => pair.Value.Select(text => (pair.Key, text)));

    public void Add(string finding, Func<string> text)
    {
        if (!_texts.TryGetValue(finding, out var texts))
        {
            _texts.Add(finding, texts = []);
        }

        if (texts.Count < PerFinding)
        {
            texts.Add(text());
        }
    }
}
