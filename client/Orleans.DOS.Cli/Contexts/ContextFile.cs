using System.Text.Json;
using System.Text.Json.Serialization;

namespace Orleans.DOS.Cli.Contexts;

/// <summary>The contexts of a user, as stored.</summary>
/// <param name="Current">Null: none; commands work with the default directory.</param>
internal sealed record StoredContexts(int Version, string? Current, SortedDictionary<string, ClusterContext> Contexts);

/// <summary>
/// Where a user's contexts are kept: <c>$XDG_CONFIG_HOME/orleans-dos/contexts.json</c>, by default below ~/.config, for its owner only
/// since it may hold tokens. Replaced as a whole, so that who reads it sees it whole.
/// </summary>
internal sealed class ContextFile(string path)
{
    /// <summary>Of the file's format. A newer one is refused: writing it back would lose what we do not know.</summary>
    private const int Version = 1;

    public static ContextFile Ours()
    {
        var config = Environment.GetEnvironmentVariable("XDG_CONFIG_HOME");
        // A relative path in it is to be ignored (XDG Base Directory Specification).
        return new ContextFile(Path.Combine(
            Path.IsPathFullyQualified(config ?? "") ? config! : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify), ".config"),
            "orleans-dos", "contexts.json"));
    }

    /// <exception cref="DosException">Damaged; NotSupported: it was written by a later release.</exception>
    public StoredContexts Read()
    {
        if (!File.Exists(path))
        {
            return new StoredContexts(Version, null, []);
        }
        try
        {
            var stored = JsonSerializer.Deserialize(File.ReadAllBytes(path), ContextJson.Default.StoredContexts);
            return stored switch
            {
                { Version: > Version } => throw new DosException(DosErrorCode.NotSupported, $"{path} has format {stored.Version}; this release knows {Version}"),
                { Version: Version, Contexts: not null } => stored,
                _ => throw new DosException(DosErrorCode.Damaged, $"{path} holds no contexts"),
            };
        }
        catch (JsonException failure)
        {
            throw new DosException(DosErrorCode.Damaged, $"{path} cannot be read: {failure.Message}");
        }
    }

    public void Write(StoredContexts stored)
    {
        DataFolder.MakePrivate(Path.GetDirectoryName(path)!);
        var next = path + ".new";
        File.Delete(next);
#pragma warning disable CA1416 // As DataFolder: Linux or macOS.
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite };
#pragma warning restore CA1416
        using (var file = new FileStream(next, options))
        {
            JsonSerializer.Serialize(file, stored, ContextJson.Default.StoredContexts);
            file.Flush(flushToDisk: true);
        }
        File.Move(next, path, overwrite: true);
    }
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StoredContexts))]
internal sealed partial class ContextJson : JsonSerializerContext;
