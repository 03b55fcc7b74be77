using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;

namespace Orleans.DOS.Catalog;

/// <summary>One step of the schema: Sql/NNN-name.sql for both databases, or Sql/NNN-name.dialect.sql for one.</summary>
/// <param name="Version">From 1, without gaps.</param>
/// <param name="OldestRelease">The oldest release that may run on the schema after this step (from the text's "-- oldest-release:").</param>
internal sealed partial record CatalogMigration(long Version, string OldestRelease, string Sql)
{
    public static IReadOnlyList<CatalogMigration> For(ISqlDialect dialect)
    {
        var assembly = typeof(CatalogMigration).Assembly;
        var all = assembly.GetManifestResourceNames()
            .Select(resource => (resource, match: ResourceName().Match(resource)))
            .Where(found => found.match.Success && found.match.Groups["dialect"].Value is var only && (only.Length == 0 || only == dialect.Name))
            .Select(found => Read(assembly, found.resource, long.Parse(found.match.Groups["version"].Value, CultureInfo.InvariantCulture), dialect))
            .OrderBy(migration => migration.Version)
            .ToArray();
        if (!all.Select(migration => migration.Version).SequenceEqual(Enumerable.Range(1, all.Length).Select(version => (long)version)))
        {
            throw new InvalidOperationException($"The migrations for {dialect.Name} are not numbered 1, 2, ... once each");
        }
        return all;
    }

    private static CatalogMigration Read(Assembly assembly, string resource, long version, ISqlDialect dialect)
    {
        using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!);
        var text = reader.ReadToEnd();
        var oldest = OldestReleaseLine().Match(text);
        return oldest.Success
            ? new CatalogMigration(version, oldest.Groups[1].Value, SchemaWords.Replace(dialect, text))
            : throw new InvalidOperationException($"{resource} does not say its oldest release");
    }

    [GeneratedRegex(@"\.Catalog\.Sql\.(?<version>\d{3})-[a-z]+(\.(?<dialect>[a-z]+))?\.sql$")]
    private static partial Regex ResourceName();

    [GeneratedRegex(@"^-- oldest-release: (\d+\.\d+\.\d+)\s*$", RegexOptions.Multiline)]
    private static partial Regex OldestReleaseLine();
}
