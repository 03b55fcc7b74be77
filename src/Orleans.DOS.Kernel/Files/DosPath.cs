namespace Orleans.DOS.Files;

/// <summary>
/// A path taken apart and checked: names in order, without <c>.</c> and empty ones; <c>..</c> stays, because what it means depends on
/// the links before it. Lengths are counted in bytes of UTF-8, as on Linux.
/// </summary>
public sealed class DosPath
{
    private DosPath(string text, IReadOnlyList<string> names, bool isAbsolute, bool mustBeDirectory)
    {
        Text = text;
        Names = names;
        IsAbsolute = isAbsolute;
        MustBeDirectory = mustBeDirectory;
    }

    /// <summary>As it was given; for messages.</summary>
    public string Text { get; }

    /// <summary>May contain <c>..</c>, never <c>.</c> or an empty name.</summary>
    public IReadOnlyList<string> Names { get; }

    public bool IsAbsolute { get; }

    /// <summary>It ends in '/', '/.' or '/..': only a directory will do.</summary>
    public bool MustBeDirectory { get; }

    /// <summary>Takes an absolute path apart.</summary>
    /// <exception cref="DosException">InvalidPath: not absolute, a NUL or half a surrogate pair; NameTooLong; PathTooLong.</exception>
    public static DosPath Parse(string? text)
    {
        var path = ParseAny(text, "path");
        return path.IsAbsolute ? path : throw Invalid($"the path '{Shown(path.Text)}' does not begin with '/'");
    }

    /// <summary>Takes the target of a symbolic link apart, which may be relative.</summary>
    /// <exception cref="DosException">As <see cref="Parse"/>.</exception>
    public static DosPath ParseTarget(string? text) => ParseAny(text, "link target");

    /// <summary>Text of a path that is safe in a message: short and without control characters.</summary>
    public static string Shown(string text)
    {
        var cut = text.Length <= 200 ? text : string.Concat(text.AsSpan(0, 200), "...");
        return string.Concat(cut.Select(character => char.IsControl(character) || char.IsSurrogate(character) ? '?' : character));
    }

    /// <summary>
    /// The directory that a new name is made in, and the name; null when the path does not end in one (the root, <c>..</c>, a '/' at
    /// its end).
    /// </summary>
    public (DosPath Directory, string Name)? Split() => Names.Count == 0 || MustBeDirectory || !IsAbsolute || Names[^1] == ".."
        ? null
        : (new DosPath("/" + string.Join('/', Names.SkipLast(1)), [.. Names.SkipLast(1)], isAbsolute: true, mustBeDirectory: true), Names[^1]);

    private static DosPath ParseAny(string? text, string noun)
    {
        if (string.IsNullOrEmpty(text))
        {
            throw Invalid($"the {noun} is empty");
        }
        CheckCharacters(text, noun);
        if (System.Text.Encoding.UTF8.GetByteCount(text) > Limits.PathBytesMax)
        {
            throw new DosException(DosErrorCode.PathTooLong, $"the {noun} '{Shown(text)}' has more than {Limits.PathBytesMax} bytes");
        }
        var parts = text.Split('/');
        var names = parts.Where(part => part.Length > 0 && part != ".").ToArray();
        if (names.Length > Limits.PathDepthMax)
        {
            throw new DosException(DosErrorCode.PathTooLong, $"the {noun} '{Shown(text)}' has more than {Limits.PathDepthMax} names");
        }
        foreach (var name in names)
        {
            if (System.Text.Encoding.UTF8.GetByteCount(name) > Limits.NameBytesMax)
            {
                throw new DosException(DosErrorCode.NameTooLong, $"the name '{Shown(name)}' has more than {Limits.NameBytesMax} bytes");
            }
        }
        return new DosPath(text, names, text[0] == '/', parts[^1] is "" or "." or "..");
    }

    private static void CheckCharacters(string text, string noun)
    {
        for (var index = 0; index < text.Length; index++)
        {
            if (text[index] == '\0')
            {
                throw Invalid($"the {noun} '{Shown(text)}' contains a NUL");
            }
            if (char.IsSurrogate(text[index]) && !char.IsSurrogatePair(text, index++))
            {
                // Such a text has no UTF-8 form: two different ones would be stored as the same name.
                throw Invalid($"the {noun} '{Shown(text)}' is not valid Unicode");
            }
        }
    }

    private static DosException Invalid(string message) => new(DosErrorCode.InvalidPath, message);
}
