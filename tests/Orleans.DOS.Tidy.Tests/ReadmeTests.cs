using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Orleans.DOS.Tidy.Tests;

/// <summary>Examples in the documents are compiled, against the assemblies of this checkout.</summary>
public partial class ReadmeTests
{
    /// <summary>As a project of the web SDK with implicit usings has them.</summary>
    private const string Usings = """
        using System;
        using System.Collections.Generic;
        using System.IO;
        using System.Linq;
        using System.Net.Http;
        using System.Threading;
        using System.Threading.Tasks;
        using Microsoft.AspNetCore.Builder;
        using Microsoft.Extensions.DependencyInjection;
        using Microsoft.Extensions.Hosting;

        """;

    /// <summary>What the text around an example takes for granted.</summary>
    private const string Given = "IServiceCollection services, IServiceProvider provider, string credential, WebApplicationBuilder builder";

    private static readonly CSharpParseOptions Language = new(LanguageVersion.Latest);

    public static TheoryData<string, int> Examples() => new(
        from document in new[] { "README.md" }
        from example in CSharpFence().Matches(Checkout.Read(document)).Index()
        select (document, example.Index));

    [Theory, MemberData(nameof(Examples))]
    public void Example_Compiles(string document, int number)
    {
        // A call that is shown as an alternative behind "//" must compile too.
        var text = AlternativeCall().Replace(CSharpFence().Matches(Checkout.Read(document))[number].Groups[1].Value, "");
        Assert.Empty(Errors(text));
    }

    [Fact]
    public void Readme_HasExamples() => Assert.NotEmpty(Examples());

    [Fact]
    public void WrongExample_IsFound() =>
        Assert.NotEmpty(Errors("using Orleans.DOS.Machines;\nvar machine = provider.GetRequiredService<IMachine>();\nawait machine.Files.NoSuchCallAsync();"));

    private static List<string> Errors(string text)
    {
        var lines = text.Split('\n').ToLookup(line => UsingDirective().IsMatch(line));
        var source = Usings + string.Join('\n', lines[true])
            + $"\ninternal static class Example {{ internal static async Task RunAsync({Given}) {{ await Task.Yield();\n{string.Join('\n', lines[false])}\n}} }}";
        var assemblies = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator);
        var compilation = CSharpCompilation.Create(
            "Example", [CSharpSyntaxTree.ParseText(source, Language)], assemblies.Select(path => MetadataReference.CreateFromFile(path)),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));
        return [.. compilation.GetDiagnostics().Where(found => found.Severity == DiagnosticSeverity.Error).Select(found => found.ToString())];
    }

    [GeneratedRegex(@"^```csharp\r?\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CSharpFence();

    [GeneratedRegex(@"^using [\w.]+;\s*$")]
    private static partial Regex UsingDirective();

    [GeneratedRegex(@"^// (?=[a-z]\w*(\.\w+)+\()", RegexOptions.Multiline)]
    private static partial Regex AlternativeCall();
}
