using NUnit.Framework;

namespace Kalshi.Daemon.Tests;

/// <summary>`kalshid.conf.example` is documentation; here it is kept equal to what the program believes.</summary>
internal sealed class ConfExampleTest
{
    private static readonly string Example = Path.Combine(Repository.Root, "kalshid.conf.example");

    [Test]
    public void Every_setting_stands_in_the_example_in_the_order_of_the_code()
    {
        var written = ReadExample().Select(entry => $"{entry.Section}.{entry.Key}");
        Assert.That(written, Is.EqualTo(Options.Settings.Select(setting => setting.Name)));
    }

    [TestCaseSource(nameof(SettingNames))]
    public void The_example_gives_the_default_as_people_write_it(string name)
    {
        var setting = Options.Settings.Single(setting => setting.Name == name);
        var entry = ReadExample().Single(entry => entry.Section == setting.Section && entry.Key == setting.Key);
        Assert.That(entry.Value, Is.EqualTo(setting.Read(new Options())), entry.Where);
    }

    [Test]
    public void The_example_loads_to_the_default_options()
    {
        var loaded = Options.Load(Example, [], []);
        Assert.That(loaded.Effective(), Is.EqualTo(new Options().Effective()));
    }

    [Test]
    public void Every_setting_is_explained_just_above_it_or_above_its_neighbour()
    {
        var lines = File.ReadAllLines(Example);
        foreach (var setting in Options.Settings)
        {
            var at = Array.FindIndex(lines, line => line.StartsWith(setting.Key + " =", StringComparison.Ordinal));
            while (at > 0 && lines[at].Length > 0 && lines[at][0] is not '#')
            {
                at--;
            }

            Assert.That(lines[at], Does.StartWith("# "), setting.Name);
        }
    }

    [Test]
    public void Settings_with_a_name_are_shown_as_they_are_written()
    {
        using var folder = new TemporaryFolder();
        var lines = File.ReadAllLines(Example);
        foreach (var family in Options.Families)
        {
            var shown = Array.FindAll(lines, line => line.StartsWith($"#{family.Prefix}.", StringComparison.Ordinal));
            var file = folder.File("shown.conf");
            File.WriteAllLines(file, [$"[{family.Section}]", .. shown.Select(line => line[1..])]);
            Assert.That(family.Of(Options.Load(file, [], [])).Count(), Is.EqualTo(shown.Length).And.GreaterThan(1));
        }
    }

    private static IEnumerable<string> SettingNames() => Options.Settings.Select(setting => setting.Name);

    private static List<ConfigEntry> ReadExample() => ConfigFile.Read(Example, static (_, _) => { });
}
