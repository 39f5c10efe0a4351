// The grammar: tokens of one declaration to a concrete tree, with recovery. One token decides nearly everywhere.
import { CstParser, type IParserErrorMessageProvider, type TokenType } from "chevrotain";
import { isReserved, isWord, token, TOKENS } from "./tokens.ts";

/** Errors carry what was expected as data, one token name a piece; sentences are made elsewhere. */
const asData: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected }) => expected.name,
  buildNotAllInputParsedMessage: () => "",
  buildNoViableAltMessage: ({ expectedPathsPerAlt }) => [...new Set(expectedPathsPerAlt.flatMap((alternative) => alternative.flatMap((path) => path[0]?.name ?? [])))].join(" "),
  buildEarlyExitMessage: ({ expectedIterationPaths }) => [...new Set(expectedIterationPaths.flatMap((path) => path[0]?.name ?? []))].join(" "),
};

const of = (name: string): TokenType => token(name);

/** Whether what a range steps by may begin with this. */
const startsStep = (type: TokenType): boolean => type === of("NumberText") || type === of("LeftParen") || type === of("ParenHere") || isWord(type);

export class KiriParser extends CstParser {
  constructor(skipValidations = true) {
    super([...TOKENS], { recoveryEnabled: true, maxLookahead: 2, nodeLocationTracking: "onlyOffset", errorMessageProvider: asData, skipValidations });
    this.performSelfAnalysis();
  }

  #follows(second: (type: TokenType) => boolean, third: string): boolean {
    return second(this.LA(2).tokenType) && this.LA(3).tokenType === of(third);
  }

  // ── module ──
  readonly useDeclaration = this.RULE("useDeclaration", () => {
    this.CONSUME(of("Use"));
    this.SUBRULE(this.path);
    this.OPTION(() => {
      this.CONSUME(of("ParenHere"));
      this.OPTION2(() => this.CONSUME(of("Word"), { LABEL: "names" }));
      this.MANY(() => {
        this.CONSUME(of("Comma"));
        this.OPTION3(() => this.CONSUME2(of("Word"), { LABEL: "names" }));
      });
      this.CONSUME(of("RightParen"));
    });
    this.OPTION4(() => {
      this.CONSUME(of("As"));
      this.CONSUME3(of("Word"), { LABEL: "alias" });
    });
  });

  readonly path = this.RULE("path", () => {
    this.CONSUME(of("AnyWord"));
    this.MANY(() => {
      this.CONSUME(of("Dot"));
      this.CONSUME2(of("AnyWord"));
    });
  });

  readonly declaration = this.RULE("declaration", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.fnDeclaration) },
      { ALT: () => this.SUBRULE(this.letStatement) },
      { ALT: () => this.SUBRULE(this.recordDeclaration) },
      { ALT: () => this.SUBRULE(this.sitesDeclaration) },
      { ALT: () => this.SUBRULE(this.layerDeclaration) },
      { ALT: () => this.SUBRULE(this.foldDeclaration) },
      { ALT: () => this.SUBRULE(this.rewriteDeclaration) },
      { ALT: () => this.SUBRULE(this.tokenizerDeclaration) },
      { ALT: () => this.SUBRULE(this.decodeDeclaration) },
      { ALT: () => this.SUBRULE(this.modelDeclaration) },
      { ALT: () => this.SUBRULE(this.compressDeclaration) },
      { ALT: () => this.SUBRULE(this.dataDeclaration) },
      { ALT: () => this.SUBRULE(this.pipelineDeclaration) },
      { ALT: () => this.SUBRULE(this.checkDeclaration) },
    ]);
  });

  // ── functions ──
  readonly fnDeclaration = this.RULE("fnDeclaration", () => {
    this.OPTION(() => this.CONSUME(of("Extern")));
    this.CONSUME(of("Fn"));
    this.CONSUME(of("Word"));
    this.SUBRULE(this.signature);
    this.OPTION2(() => this.SUBRULE(this.block));
  });

  readonly signature = this.RULE("signature", () => {
    this.SUBRULE(this.inputs);
    this.SUBRULE(this.outputs);
  });

  readonly inputs = this.RULE("inputs", () => {
    this.CONSUME(of("LeftParen"));
    this.OPTION(() => this.SUBRULE(this.param));
    this.MANY(() => {
      this.CONSUME(of("ListSign"));
      this.OPTION2(() => this.SUBRULE2(this.param));
    });
    this.CONSUME(of("RightParen"));
  });

  readonly outputs = this.RULE("outputs", () => {
    this.OPTION(() => {
      this.CONSUME(of("Arrow"));
      this.OPTION2({
        GATE: () => this.LA(2).tokenType === of("Colon"),
        DEF: () => {
          this.CONSUME(of("Word"), { LABEL: "resultName" });
          this.CONSUME(of("Colon"));
        },
      });
      this.SUBRULE(this.type);
    });
    this.OPTION3(() => this.SUBRULE(this.whereClauses));
  });

  readonly whereClauses = this.RULE("whereClauses", () => {
    this.CONSUME(of("Where"));
    this.SUBRULE(this.equation);
    this.MANY(() => {
      this.CONSUME(of("Comma"));
      this.SUBRULE2(this.equation);
    });
  });

  /** `K = N - r` says that the sides are equal. */
  readonly equation = this.RULE("equation", () => {
    this.SUBRULE(this.expression);
    this.OPTION(() => {
      this.CONSUME(of("Equals"));
      this.SUBRULE2(this.expression);
    });
  });

  readonly param = this.RULE("param", () => {
    this.CONSUME(of("Word"));
    this.OPTION(() => {
      this.CONSUME(of("Colon"));
      this.SUBRULE(this.type);
    });
    this.OPTION2(() => {
      this.CONSUME(of("Equals"));
      this.SUBRULE(this.expression);
    });
  });

  // ── records, sites, layers ──
  readonly recordDeclaration = this.RULE("recordDeclaration", () => {
    this.CONSUME(of("Record"));
    this.CONSUME(of("Word"));
    this.CONSUME(of("LeftBrace"));
    this.MANY(() => {
      this.SUBRULE(this.recordMember);
      this.OPTION(() => this.CONSUME(of("Comma")));
    });
    this.CONSUME(of("RightBrace"));
  });

  readonly recordMember = this.RULE("recordMember", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.letStatement) },
      { ALT: () => this.SUBRULE(this.fnDeclaration) },
      { ALT: () => this.SUBRULE(this.field) },
    ]);
  });

  readonly field = this.RULE("field", () => {
    this.CONSUME(of("AnyWord"));
    this.OPTION(() => {
      this.CONSUME(of("Colon"));
      this.SUBRULE(this.type);
    });
    this.OPTION2(() => {
      this.CONSUME(of("Equals"));
      this.SUBRULE(this.expression);
    });
  });

  readonly sitesDeclaration = this.RULE("sitesDeclaration", () => {
    this.CONSUME(of("Sites"));
    this.CONSUME(of("Word"), { LABEL: "name" });
    this.OPTION(() => {
      this.CONSUME(of("For"));
      this.CONSUME2(of("Word"), { LABEL: "model" });
    });
    this.SUBRULE(this.siteList);
  });

  readonly siteList = this.RULE("siteList", () => {
    this.CONSUME(of("LeftBrace"));
    this.MANY(() => {
      this.SUBRULE(this.site);
      this.OPTION(() => this.CONSUME(of("Comma")));
    });
    this.CONSUME(of("RightBrace"));
  });

  readonly site = this.RULE("site", () => {
    this.SUBRULE(this.selector);
    this.OPTION(() => {
      this.CONSUME(of("Equals"));
      this.OR([
        { ALT: () => this.SUBRULE(this.path) },
        {
          ALT: () => {
            this.CONSUME(of("StringText"));
            this.OPTION2(() => {
              this.CONSUME(of("As"));
              this.SUBRULE(this.axes);
            });
          },
        },
      ]);
    });
  });

  readonly layerDeclaration = this.RULE("layerDeclaration", () => {
    this.CONSUME(of("Layer"));
    this.CONSUME(of("Word"));
    this.OPTION(() => this.SUBRULE(this.inputs));
    this.OPTION2(() => {
      this.CONSUME(of("Offers"));
      this.SUBRULE(this.path);
      this.OPTION3({ GATE: () => this.#follows((type) => isWord(type) || isReserved(type), "Equals") && !isReserved(this.LA(2).tokenType), DEF: () => this.SUBRULE(this.siteList) });
    });
    this.OPTION4(() => this.SUBRULE(this.whereClauses));
    this.CONSUME(of("LeftBrace"));
    this.MANY(() => this.SUBRULE(this.layerMember));
    this.CONSUME(of("RightBrace"));
  });

  readonly layerMember = this.RULE("layerMember", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.subLayer) },
      { ALT: () => this.SUBRULE(this.weight) },
      { ALT: () => this.SUBRULE(this.letStatement) },
      { ALT: () => this.SUBRULE(this.fnDeclaration) },
      { ALT: () => this.SUBRULE(this.forward) },
    ]);
  });

  readonly subLayer = this.RULE("subLayer", () => {
    this.CONSUME(of("Use"));
    this.CONSUME(of("Word"));
    this.OPTION(() => {
      this.CONSUME(of("SquareHere"));
      this.SUBRULE(this.expression, { LABEL: "count" });
      this.CONSUME(of("RightSquare"));
    });
    this.CONSUME(of("Equals"));
    this.SUBRULE2(this.expression, { LABEL: "layer" });
    this.OPTION2(() => this.SUBRULE(this.naming));
    this.OPTION3(() => this.SUBRULE(this.condition));
  });

  readonly weight = this.RULE("weight", () => {
    this.CONSUME(of("Param"));
    this.CONSUME(of("Word"));
    this.CONSUME(of("Colon"));
    this.SUBRULE(this.type);
    this.OPTION(() => {
      this.CONSUME(of("Equals"));
      this.SUBRULE(this.expression);
    });
    this.OPTION2(() => this.SUBRULE(this.naming));
    this.OPTION3(() => this.SUBRULE(this.condition));
  });

  readonly naming = this.RULE("naming", () => {
    this.CONSUME(of("Named"));
    this.CONSUME(of("StringText"));
  });

  readonly condition = this.RULE("condition", () => {
    this.CONSUME(of("When"));
    this.SUBRULE(this.expression);
  });

  readonly forward = this.RULE("forward", () => {
    this.SUBRULE(this.signature);
    this.SUBRULE(this.block);
  });

  // ── folds, rewrites, decoders, tokenizers ──
  readonly foldDeclaration = this.RULE("foldDeclaration", () => {
    this.CONSUME(of("Fold"));
    this.CONSUME(of("Word"), { LABEL: "name" });
    this.OPTION(() => this.SUBRULE(this.inputs));
    this.CONSUME(of("Colon"));
    this.CONSUME2(of("Word"), { LABEL: "from" });
    this.CONSUME(of("Arrow"));
    this.CONSUME3(of("Word"), { LABEL: "to" });
    this.OPTION2(() => this.SUBRULE(this.whereClauses));
    this.CONSUME(of("LeftBrace"));
    this.MANY(() => this.SUBRULE(this.foldMember));
    this.CONSUME(of("RightBrace"));
  });

  readonly foldMember = this.RULE("foldMember", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.carry) },
      { ALT: () => this.SUBRULE(this.hook) },
      { ALT: () => this.SUBRULE(this.down) },
      { ALT: () => this.SUBRULE(this.up) },
      { ALT: () => this.SUBRULE(this.fnDeclaration) },
      { ALT: () => this.SUBRULE(this.letStatement) },
    ]);
  });

  readonly carry = this.RULE("carry", () => {
    this.CONSUME(of("Carry"));
    this.CONSUME(of("Word"), { LABEL: "name" });
    this.CONSUME(of("Colon"));
    this.SUBRULE(this.type);
    this.CONSUME(of("Equals"));
    this.SUBRULE(this.expression);
    this.CONSUME(of("Down"));
    this.CONSUME(of("By"));
    this.CONSUME2(of("Word"), { LABEL: "by" });
  });

  readonly hook = this.RULE("hook", () => {
    this.CONSUME(of("At"));
    this.CONSUME(of("Word"));
    this.SUBRULE(this.signature);
    this.OPTION(() => this.SUBRULE(this.condition));
    this.SUBRULE(this.block);
  });

  /** The way down, or how a companion goes down: `down mask by any`. */
  readonly down = this.RULE("down", () => {
    this.CONSUME(of("Down"));
    this.OR([
      {
        ALT: () => {
          this.SUBRULE(this.inputs);
          this.OPTION(() => this.SUBRULE(this.reads));
          this.SUBRULE(this.outputs);
          this.SUBRULE(this.block);
        },
      },
      {
        ALT: () => {
          this.CONSUME(of("Word"), { LABEL: "name" });
          this.CONSUME(of("By"));
          this.CONSUME2(of("Word"), { LABEL: "by" });
        },
      },
    ]);
  });

  readonly reads = this.RULE("reads", () => {
    this.CONSUME(of("Reads"));
    this.SUBRULE(this.read);
    this.MANY(() => {
      this.CONSUME(of("Comma"));
      this.SUBRULE2(this.read);
    });
  });

  readonly read = this.RULE("read", () => {
    this.CONSUME(of("Word"), { LABEL: "name" });
    this.OPTION(() => {
      this.CONSUME(of("Equals"));
      this.CONSUME2(of("Word"), { LABEL: "site" });
    });
    this.CONSUME(of("Colon"));
    this.SUBRULE(this.type);
  });

  readonly up = this.RULE("up", () => {
    this.CONSUME(of("Up"));
    this.SUBRULE(this.signature);
    this.SUBRULE(this.block);
  });

  readonly rewriteDeclaration = this.RULE("rewriteDeclaration", () => {
    this.CONSUME(of("Rewrite"));
    this.CONSUME(of("Word"));
    this.OPTION(() => this.SUBRULE(this.inputs));
    this.OPTION2(() => this.SUBRULE(this.whereClauses));
    this.CONSUME(of("LeftBrace"));
    this.MANY(() => this.SUBRULE(this.rewriteMember));
    this.CONSUME(of("RightBrace"));
  });

  readonly rewriteMember = this.RULE("rewriteMember", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.hook) },
      { ALT: () => this.SUBRULE(this.fnDeclaration) },
      { ALT: () => this.SUBRULE(this.letStatement) },
    ]);
  });

  readonly decodeDeclaration = this.RULE("decodeDeclaration", () => {
    this.CONSUME(of("Decode"));
    this.CONSUME(of("Word"));
    this.OPTION(() => this.SUBRULE(this.inputs));
    this.OPTION2(() => this.SUBRULE(this.whereClauses));
    this.CONSUME(of("LeftBrace"));
    this.MANY(() => this.SUBRULE(this.decodeMember));
    this.CONSUME(of("RightBrace"));
  });

  readonly decodeMember = this.RULE("decodeMember", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.fnDeclaration) },
      { ALT: () => this.SUBRULE(this.letStatement) },
      { ALT: () => this.SUBRULE(this.carry) },
    ]);
  });

  readonly tokenizerDeclaration = this.RULE("tokenizerDeclaration", () => {
    this.CONSUME(of("Tokenizer"));
    this.CONSUME(of("Word"), { LABEL: "name" });
    this.OR([
      {
        ALT: () => {
          this.CONSUME(of("Equals"));
          this.CONSUME2(of("Word"), { LABEL: "host" });
          this.CONSUME(of("From"));
          this.SUBRULE(this.expression);
        },
      },
      {
        ALT: () => {
          this.OPTION(() => this.SUBRULE(this.inputs));
          this.CONSUME(of("LeftBrace"));
          this.MANY(() => this.SUBRULE(this.tokenizerMember));
          this.CONSUME(of("RightBrace"));
        },
      },
    ]);
  });

  readonly tokenizerMember = this.RULE("tokenizerMember", () => {
    this.OR([{ ALT: () => this.SUBRULE(this.letStatement) }, { ALT: () => this.SUBRULE(this.method) }]);
  });

  readonly method = this.RULE("method", () => {
    this.OPTION(() => this.CONSUME(of("Fn")));
    this.CONSUME(of("Word"));
    this.SUBRULE(this.signature);
    this.SUBRULE(this.block);
  });

  // ── models, data, pipelines ──
  readonly modelDeclaration = this.RULE("modelDeclaration", () => {
    this.CONSUME(of("Model"));
    this.CONSUME(of("Word"));
    this.CONSUME(of("Equals"));
    this.OR([
      {
        ALT: () => {
          this.CONSUME(of("Import"));
          this.SUBRULE(this.expression, { LABEL: "imported" });
        },
      },
      {
        ALT: () => {
          this.SUBRULE2(this.expression, { LABEL: "layer" });
          this.OPTION(() => {
            this.CONSUME(of("From"));
            this.SUBRULE3(this.expression, { LABEL: "from" });
          });
        },
      },
    ]);
  });

  readonly dataDeclaration = this.RULE("dataDeclaration", () => {
    this.CONSUME(of("Data"));
    this.CONSUME(of("Word"));
    this.CONSUME(of("Colon"));
    this.SUBRULE(this.inputs);
    this.CONSUME(of("Equals"));
    this.SUBRULE(this.expression);
  });

  readonly pipelineDeclaration = this.RULE("pipelineDeclaration", () => {
    this.CONSUME(of("Pipeline"));
    this.CONSUME(of("Word"));
    this.SUBRULE(this.signature);
    this.SUBRULE(this.block);
  });

  readonly checkDeclaration = this.RULE("checkDeclaration", () => {
    this.CONSUME(of("Check"));
    this.CONSUME(of("StringText"));
    this.SUBRULE(this.block);
  });

  // ── compress ──
  readonly compressDeclaration = this.RULE("compressDeclaration", () => {
    this.CONSUME(of("Compress"));
    this.CONSUME(of("Word"), { LABEL: "target" });
    this.OPTION(() => {
      this.CONSUME(of("As"));
      this.CONSUME2(of("Word"), { LABEL: "alias" });
    });
    this.CONSUME(of("LeftBrace"));
    this.MANY(() => this.SUBRULE(this.compressItem));
    this.CONSUME(of("RightBrace"));
  });

  readonly compressItem = this.RULE("compressItem", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.placeFold) },
      { ALT: () => this.SUBRULE(this.placeRewrite) },
      { ALT: () => this.SUBRULE(this.requirement) },
      { ALT: () => this.SUBRULE(this.expectation) },
      { ALT: () => this.SUBRULE(this.precision) },
    ]);
  });

  readonly placeFold = this.RULE("placeFold", () => {
    this.CONSUME(of("Fold"));
    this.CONSUME(of("Word"), { LABEL: "axis" });
    this.OPTION(() => {
      this.CONSUME(of("Protect"));
      this.SUBRULE(this.expression, { LABEL: "protect" });
    });
    this.OR([
      { ALT: () => this.CONSUME(of("Across")) },
      {
        ALT: () => {
          this.CONSUME(of("In"));
          this.CONSUME(of("Each"));
        },
      },
      { ALT: () => this.CONSUME(of("At")) },
    ]);
    this.SUBRULE(this.selector, { LABEL: "region" });
    this.OPTION2(() => {
      this.CONSUME(of("After"));
      this.CONSUME2(of("Word"), { LABEL: "afterSite" });
    });
    this.CONSUME(of("With"));
    this.SUBRULE2(this.expression, { LABEL: "fold" });
    this.OPTION3(() => this.SUBRULE(this.unfold));
  });

  readonly unfold = this.RULE("unfold", () => {
    this.CONSUME(of("Up"));
    this.OR([
      {
        ALT: () => {
          this.CONSUME(of("After"));
          this.SUBRULE(this.selector);
        },
      },
      { ALT: () => this.CONSUME(of("None")) },
    ]);
  });

  readonly placeRewrite = this.RULE("placeRewrite", () => {
    this.CONSUME(of("Rewrite"));
    this.SUBRULE(this.selector);
    this.CONSUME(of("With"));
    this.SUBRULE(this.expression);
  });

  readonly requirement = this.RULE("requirement", () => {
    this.OR([{ ALT: () => this.CONSUME(of("Require")) }, { ALT: () => this.CONSUME(of("Report")) }]);
    this.OPTION({
      GATE: () => this.LA(2).tokenType === of("Of"),
      DEF: () => {
        this.CONSUME(of("Drop"));
        this.CONSUME(of("Of"));
      },
    });
    this.SUBRULE(this.expression);
    this.OPTION2(() => {
      this.CONSUME(of("On"));
      this.CONSUME(of("Word"));
    });
  });

  readonly expectation = this.RULE("expectation", () => {
    this.CONSUME(of("Expect"));
    this.CONSUME(of("Fused"));
    this.CONSUME(of("Word"));
    this.OPTION(() => {
      this.CONSUME(of("Star"));
      this.SUBRULE(this.expression);
    });
  });

  readonly precision = this.RULE("precision", () => {
    this.CONSUME(of("Precision"));
    this.CONSUME(of("Colon"));
    this.CONSUME(of("Word"));
  });

  readonly selector = this.RULE("selector", () => {
    this.SUBRULE(this.segment);
    this.MANY(() => {
      this.CONSUME(of("Dot"));
      this.SUBRULE2(this.segment);
    });
  });

  readonly segment = this.RULE("segment", () => {
    this.CONSUME(of("AnyWord"));
    this.OPTION(() => {
      this.CONSUME(of("SquareHere"));
      this.OR([{ ALT: () => this.CONSUME(of("Star")) }, { ALT: () => this.SUBRULE(this.place) }]);
      this.CONSUME(of("RightSquare"));
    });
  });

  // ── types ──
  readonly type = this.RULE("type", () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(of("LeftSquare"));
          this.SUBRULE(this.type);
          this.CONSUME(of("RightSquare"));
        },
      },
      { ALT: () => this.SUBRULE(this.tupleType) },
      { ALT: () => this.SUBRULE(this.recordType) },
      {
        ALT: () => {
          this.SUBRULE(this.path);
          this.OPTION(() => this.SUBRULE(this.axes));
        },
      },
    ]);
  });

  readonly tupleType = this.RULE("tupleType", () => {
    this.CONSUME(of("LeftParen"));
    this.OPTION(() => this.SUBRULE(this.type));
    this.MANY(() => {
      this.CONSUME(of("Comma"));
      this.OPTION2(() => this.SUBRULE2(this.type));
    });
    this.CONSUME(of("RightParen"));
  });

  readonly recordType = this.RULE("recordType", () => {
    this.CONSUME(of("LeftBrace"));
    this.MANY(() => {
      this.SUBRULE(this.field);
      this.OPTION(() => this.CONSUME(of("Comma")));
    });
    this.CONSUME(of("RightBrace"));
  });

  readonly axes = this.RULE("axes", () => {
    this.CONSUME(of("SquareHere"));
    this.OPTION(() => this.SUBRULE(this.axis));
    this.MANY(() => {
      this.CONSUME(of("Comma"));
      this.OPTION2(() => this.SUBRULE2(this.axis));
    });
    this.CONSUME(of("RightSquare"));
  });

  /** `...`, `N`, `C = width`, `N - r`, `some K <= N`. */
  readonly axis = this.RULE("axis", () => {
    this.OR([
      { ALT: () => this.CONSUME(of("Ellipsis")) },
      {
        ALT: () => {
          this.OPTION({ GATE: () => isWord(this.LA(2).tokenType), DEF: () => this.CONSUME(of("Some")) });
          this.SUBRULE(this.equation);
        },
      },
    ]);
  });

  // ── statements ──
  readonly block = this.RULE("block", () => {
    this.CONSUME(of("LeftBrace"));
    this.MANY(() => {
      this.SUBRULE(this.statement);
      this.OPTION(() => this.CONSUME(of("Semicolon")));
    });
    this.CONSUME(of("RightBrace"));
  });

  readonly statement = this.RULE("statement", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.letStatement) },
      {
        ALT: () => {
          this.SUBRULE(this.expression, { LABEL: "value" });
          this.OPTION(() => {
            this.CONSUME(of("Assign"));
            this.SUBRULE2(this.expression, { LABEL: "assigned" });
          });
        },
      },
    ]);
  });

  readonly letStatement = this.RULE("letStatement", () => {
    this.CONSUME(of("Let"));
    this.OR([{ ALT: () => this.CONSUME(of("Word")) }, { ALT: () => this.SUBRULE(this.names) }]);
    this.OPTION(() => {
      this.CONSUME(of("Colon"));
      this.SUBRULE(this.type);
    });
    this.CONSUME(of("Equals"));
    this.SUBRULE(this.expression);
  });

  readonly names = this.RULE("names", () => {
    this.CONSUME(of("LeftParen"));
    this.OPTION(() => this.CONSUME(of("Word")));
    this.MANY(() => {
      this.CONSUME(of("Comma"));
      this.OPTION2(() => this.CONSUME2(of("Word")));
    });
    this.CONSUME(of("RightParen"));
  });

  // ── expressions ──
  /** Operands and operators in a row; precedence is the business of `expressions.ts`. */
  readonly expression = this.RULE("expression", () => {
    this.SUBRULE(this.operand);
    this.MANY(() => {
      this.CONSUME(of("BinarySign"));
      this.SUBRULE2(this.operand);
    });
  });

  readonly operand = this.RULE("operand", () => {
    this.MANY(() => this.CONSUME(of("PrefixSign")));
    this.OR([
      { ALT: () => this.CONSUME(of("NumberText")) },
      { ALT: () => this.CONSUME(of("StringText")) },
      { ALT: () => this.CONSUME(of("BoolWord")) },
      {
        ALT: () => {
          this.CONSUME(of("Word"));
          this.OPTION({
            GATE: () => this.LA(1).tokenType === of("BraceHere") && this.#follows((type) => isWord(type) || isReserved(type), "Colon"),
            DEF: () => this.SUBRULE(this.recordLiteral),
          });
        },
      },
      { ALT: () => this.SUBRULE2(this.recordLiteral) },
      { ALT: () => this.SUBRULE(this.group) },
      { ALT: () => this.SUBRULE(this.list) },
      { ALT: () => this.SUBRULE(this.ifExpression) },
      { ALT: () => this.SUBRULE(this.repeatExpression) },
      { ALT: () => this.SUBRULE(this.open) },
    ]);
    this.MANY2(() => this.SUBRULE(this.trailer));
  });

  /** `?`, `? in 2..16`; in `protect ? in each …` the word belongs to the placement. */
  readonly open = this.RULE("open", () => {
    this.CONSUME(of("Question"));
    this.OPTION({
      GATE: () => this.LA(2).tokenType !== of("Each"),
      DEF: () => {
        this.CONSUME(of("In"));
        this.SUBRULE(this.place);
      },
    });
  });

  readonly trailer = this.RULE("trailer", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.call) },
      { ALT: () => this.SUBRULE(this.slice) },
      {
        ALT: () => {
          this.CONSUME(of("Dot"));
          this.CONSUME(of("AnyWord"));
        },
      },
      {
        ALT: () => {
          this.CONSUME(of("As"));
          this.OR2([{ ALT: () => this.SUBRULE(this.axes) }, { ALT: () => this.CONSUME(of("Word")) }]);
        },
      },
    ]);
  });

  readonly call = this.RULE("call", () => {
    this.CONSUME(of("ParenHere"));
    this.OPTION(() => this.SUBRULE(this.argument));
    this.MANY(() => {
      this.CONSUME(of("ListSign"));
      this.OPTION2(() => this.SUBRULE2(this.argument));
    });
    this.CONSUME(of("RightParen"));
  });

  readonly argument = this.RULE("argument", () => {
    this.OPTION({
      GATE: () => this.LA(2).tokenType === of("Colon"),
      DEF: () => {
        this.CONSUME(of("AnyWord"));
        this.CONSUME(of("Colon"));
      },
    });
    this.SUBRULE(this.expression);
    this.OPTION2(() => {
      this.CONSUME(of("Into"));
      this.SUBRULE2(this.expression);
    });
  });

  readonly slice = this.RULE("slice", () => {
    this.CONSUME(of("SquareHere"));
    this.OPTION(() => this.SUBRULE(this.sliceItem));
    this.MANY(() => {
      this.CONSUME(of("Comma"));
      this.OPTION2(() => this.SUBRULE2(this.sliceItem));
    });
    this.CONSUME(of("RightSquare"));
  });

  readonly sliceItem = this.RULE("sliceItem", () => {
    this.OPTION({
      GATE: () => this.LA(2).tokenType === of("Colon"),
      DEF: () => {
        this.CONSUME(of("AnyWord"));
        this.CONSUME(of("Colon"));
      },
    });
    this.SUBRULE(this.place);
  });

  /** A value or a range: `3`, `1..`, `..n`, `0.. step 2`. */
  readonly place = this.RULE("place", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.rangeTail) },
      {
        ALT: () => {
          this.SUBRULE(this.expression);
          this.OPTION(() => this.SUBRULE2(this.rangeTail));
        },
      },
    ]);
  });

  readonly rangeTail = this.RULE("rangeTail", () => {
    this.CONSUME(of("DotDot"));
    // `0.. step 2` has no end; in `0..step` the word is a name.
    this.OPTION({ GATE: () => this.LA(1).tokenType !== of("Step") || !startsStep(this.LA(2).tokenType), DEF: () => this.SUBRULE(this.expression, { LABEL: "to" }) });
    this.OPTION2(() => {
      this.CONSUME(of("Step"));
      this.SUBRULE2(this.expression, { LABEL: "step" });
    });
  });

  readonly group = this.RULE("group", () => {
    this.CONSUME(of("LeftParen"));
    this.OPTION(() => this.SUBRULE(this.equation));
    this.MANY(() => {
      this.CONSUME(of("Comma"));
      this.OPTION2(() => this.SUBRULE2(this.equation));
    });
    this.CONSUME(of("RightParen"));
  });

  readonly list = this.RULE("list", () => {
    this.CONSUME(of("LeftSquare"));
    this.OPTION(() => {
      this.SUBRULE(this.expression);
      this.OR([
        {
          ALT: () => {
            this.CONSUME(of("For"));
            this.CONSUME(of("Word"));
            this.CONSUME(of("In"));
            this.SUBRULE(this.place);
          },
        },
        {
          ALT: () => {
            this.CONSUME(of("Semicolon"));
            this.SUBRULE3(this.expression, { LABEL: "count" });
          },
        },
        {
          ALT: () => this.MANY(() => {
            this.CONSUME(of("Comma"));
            this.OPTION2(() => this.SUBRULE2(this.expression));
          }),
        },
      ]);
    });
    this.CONSUME(of("RightSquare"));
  });

  readonly recordLiteral = this.RULE("recordLiteral", () => {
    this.CONSUME(of("LeftBrace"));
    this.MANY(() => {
      this.SUBRULE(this.entry);
      this.OPTION(() => this.CONSUME(of("Comma")));
    });
    this.CONSUME(of("RightBrace"));
  });

  readonly entry = this.RULE("entry", () => {
    this.CONSUME(of("AnyWord"));
    this.CONSUME(of("Colon"));
    this.SUBRULE(this.expression);
  });

  readonly ifExpression = this.RULE("ifExpression", () => {
    this.CONSUME(of("If"));
    this.SUBRULE(this.expression);
    this.SUBRULE(this.block);
    this.MANY(() => {
      this.CONSUME(of("Else"));
      this.CONSUME2(of("If"));
      this.SUBRULE2(this.expression);
      this.SUBRULE2(this.block);
    });
    this.OPTION(() => {
      this.CONSUME2(of("Else"));
      this.SUBRULE3(this.block);
    });
  });

  readonly repeatExpression = this.RULE("repeatExpression", () => {
    this.CONSUME(of("Repeat"));
    this.OPTION({
      GATE: () => this.LA(2).tokenType === of("In"),
      DEF: () => {
        this.CONSUME(of("Word"), { LABEL: "index" });
        this.CONSUME(of("In"));
      },
    });
    this.SUBRULE(this.place);
    this.CONSUME(of("From"));
    this.CONSUME2(of("Word"), { LABEL: "name" });
    this.CONSUME(of("Equals"));
    this.SUBRULE2(this.expression, { LABEL: "start" });
    this.SUBRULE(this.block);
  });
}

/** The only instance: building one takes a tenth of a second. It holds nothing between two calls. */
export const parser = new KiriParser();
